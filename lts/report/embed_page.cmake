# cmake -DHTML= -DCSS=a;b -DSCRIPTS=a;b -DD3= -DD3_LICENSE= -DFUNCTION= -DOUT= -P embed_page.cmake
# Writes OUT, a C++ file that defines lts::FUNCTION() (page_template.h): the page with style and scripts in place and their SHA-256
# in its Content-Security-Policy, so that a browser runs these scripts and no other. What differs from report to
# report stays as @LTS_TITLE@ and the like, filled in by html.cc.
cmake_minimum_required(VERSION 3.25)
file(READ ${HTML} html)
set(css "")
foreach(file IN LISTS CSS)
  file(READ ${file} text)
  string(APPEND css "${text}")
endforeach()
file(READ ${D3} d3)
file(READ ${D3_LICENSE} d3_license)
set(script "(function () {\n'use strict';\n")
foreach(file IN LISTS SCRIPTS)
  file(READ ${file} text)
  string(APPEND script "${text}")
endforeach()
string(APPEND script "})();\n")
string(PREPEND d3 "/*!\n${d3_license}*/\n")

# The base64 of a SHA-256, as the policy wants it: three bytes (six hexadecimal digits) are four characters.
function(csp_hash text result)
  set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  string(SHA256 hex "${text}")
  string(APPEND hex "00") # 32 bytes and one of padding: 11 groups
  set(base64 "")
  foreach(group RANGE 10)
    math(EXPR at "${group} * 6")
    string(SUBSTRING "${hex}" ${at} 6 digits)
    foreach(shift 18 12 6 0)
      math(EXPR index "(0x${digits} >> ${shift}) & 63")
      string(SUBSTRING "${alphabet}" ${index} 1 character)
      string(APPEND base64 "${character}")
    endforeach()
  endforeach()
  string(SUBSTRING "${base64}" 0 43 base64)
  set(${result} "'sha256-${base64}='" PARENT_SCOPE)
endfunction()
csp_hash("${css}" css_hash)
csp_hash("${d3}" d3_hash)
csp_hash("${script}" script_hash)

foreach(part css d3 script)
  if("${${part}}" MATCHES "</(script|style)" OR "${${part}}" MATCHES "@LTS_[A-Z]")
    message(FATAL_ERROR "embed_page: ${part} holds text that would end its element or be filled in")
  endif()
endforeach()
# One pass over the marks, so that no inserted text is searched again.
set(page "")
while("${html}" MATCHES "@(CSS|D3|SCRIPT|STYLE_HASH|SCRIPT_HASHES)@")
  set(mark "${CMAKE_MATCH_0}")
  string(FIND "${html}" "${mark}" at)
  string(SUBSTRING "${html}" 0 ${at} before)
  string(LENGTH "${mark}" length)
  math(EXPR after "${at} + ${length}")
  string(SUBSTRING "${html}" ${after} -1 html)
  string(APPEND page "${before}")
  if(mark STREQUAL "@CSS@")
    string(APPEND page "${css}")
  elseif(mark STREQUAL "@D3@")
    string(APPEND page "${d3}")
  elseif(mark STREQUAL "@SCRIPT@")
    string(APPEND page "${script}")
  elseif(mark STREQUAL "@STYLE_HASH@")
    string(APPEND page "${css_hash}")
  else()
    string(APPEND page "${d3_hash} ${script_hash}")
  endif()
endwhile()
string(APPEND page "${html}")

if(page MATCHES "\\)lts_page\"")
  message(FATAL_ERROR "embed_page: the page holds the raw string's own end mark")
endif()
file(WRITE ${OUT} "// Made by embed_page.cmake from lts/report/page; do not edit.
#include <string_view>

#include \"lts/report/page_template.h\"

namespace lts {
namespace {
constexpr char kPage[] = R\"lts_page(${page})lts_page\";
}  // namespace

std::string_view ${FUNCTION}() { return {kPage, sizeof(kPage) - 1}; }
}  // namespace lts
")
