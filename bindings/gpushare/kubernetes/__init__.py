"""Files of Kubernetes and NVIDIA's tools: written from plans and scenarios, read as what a cluster is."""
