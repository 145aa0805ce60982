// Prints the ways in which an A100 can be cut by MIG so that nothing more fits.
#include <exception>
#include <iostream>
#include <vector>

#include "gpushare/mig.hpp"
#include "gpushare/profile.hpp"

int main() {
  try {
    const gpushare::GpuProfile a100 = gpushare::load_profile("a100");
    const std::vector<gpushare::Layout> layouts = gpushare::maximal_layouts(a100);
    std::cout << a100.title << " has " << layouts.size() << " maximal MIG layouts:\n";
    for (const gpushare::Layout& layout : layouts)
      std::cout << "  " << gpushare::format_layout(a100, layout) << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
