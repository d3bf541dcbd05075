// The report page before it is filled in. Private to lts/report; the definition is generated
// (embed_page.cmake).
#pragma once

#include <string_view>

namespace lts {

// Complete HTML with style, scripts and d3 in place. Left to fill, once each at least: @LTS_TITLE@
// and @LTS_SUMMARY@ (escaped text), @LTS_DATA@ (JSON safe inside a script element).
std::string_view PageTemplate();

}  // namespace lts
