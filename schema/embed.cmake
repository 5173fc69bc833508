# Writes OUTPUT: each data file as a raw string literal, which costs the compiler next to nothing.
# platforms, sql, protocol: comma-separated paths, sorted; platform_schema: one path.
set(delimiter "gpujob_data")

function(read_literal path result)
  file(READ "${path}" content)
  if(content MATCHES "\\)${delimiter}\"")
    message(FATAL_ERROR "${path}: holds )${delimiter}\", which ends the literal: change the delimiter")
  endif()
  set(${result} "R\"${delimiter}(${content})${delimiter}\"" PARENT_SCOPE)
endfunction()

function(make_table function_name paths result)
  string(REPLACE "," ";" paths "${paths}")
  if(NOT paths)
    set(${result} "std::span<const File> ${function_name}() { return {}; }\n\n" PARENT_SCOPE)
    return()
  endif()
  set(rows "")
  foreach(path IN LISTS paths)
    get_filename_component(name "${path}" NAME)
    read_literal("${path}" literal)
    string(APPEND rows "    {\"${name}\", ${literal}},\n")
  endforeach()
  string(CONCAT text
    "std::span<const File> ${function_name}() {\n"
    "  static constexpr File k_files[] = {\n${rows}  };\n"
    "  return k_files;\n}\n\n")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

make_table(platforms "${platforms}" platforms_text)
make_table(migrations "${sql}" migrations_text)
make_table(protocol "${protocol}" protocol_text)
read_literal("${platform_schema}" schema_literal)
file(WRITE "${OUTPUT}"
  "// Made by schema/embed.cmake.\n#include \"schema/embedded.h\"\n\nnamespace gpujob::schema {\n\n"
  "${platforms_text}${migrations_text}${protocol_text}"
  "std::string_view platform_schema() { return ${schema_literal}; }\n\n"
  "} // namespace gpujob::schema\n")
