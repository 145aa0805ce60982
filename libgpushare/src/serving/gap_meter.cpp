#include "serving/gap_meter.hpp"

namespace gpushare {

void GapMeter::begin(Duration gap) {
  flush();
  gap_ = gap;
  gaps_ = 1;
}

void GapMeter::flush() {
  histogram_.add(gap_, gaps_);
  gaps_ = 0;
}

}  // namespace gpushare
