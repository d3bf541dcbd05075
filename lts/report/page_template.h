// The pages before they are filled in. Private to lts/report; the templates are generated
// (embed_page.cmake).
#pragma once

#include <string>
#include <string_view>

#include "lts/base/json.h"

namespace lts {

// Complete HTML with style, scripts and d3 in place. Left to fill, once each at least: @LTS_TITLE@
// and @LTS_SUMMARY@ (escaped text), @LTS_DATA@ (JSON safe inside a script element).
std::string_view PageTemplate();            // of one search
std::string_view ComparisonPageTemplate();  // of several

// The template with those three in place, whatever they hold.
std::string FillPage(std::string_view page, std::string_view title, std::string_view summary,
                     const Json& data);

}  // namespace lts
