#pragma once

namespace gpushare {

/// Logarithm of the gamma function for x > 0 (Stirling's series; std::lgamma writes a global, a race between
/// threads).
[[nodiscard]] double log_gamma(double x);

/// Regularised incomplete beta function I_x(a, b), a, b > 0, for x and `complement` = 1 - x, both in [0, 1]
/// (continued fraction by Lentz's method, Press et al., Numerical Recipes, section 6.4).
[[nodiscard]] double incomplete_beta(double a, double b, double x, double complement);

/// Regularised lower incomplete gamma function P(a, x), a > 0, x >= 0 (series below a + 1, continued fraction above;
/// Press et al., section 6.2).
[[nodiscard]] double incomplete_gamma(double a, double x);

}  // namespace gpushare
