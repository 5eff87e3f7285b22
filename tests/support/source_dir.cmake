# Where the sources lie, for tests: known to one generated file only, so that compiler caches keep all others.
if(NOT TARGET source_dir)
    file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/source_dir.c
         CONTENT "#include \"source_dir.h\"\n\nconst char source_dir[] = \"${PROJECT_SOURCE_DIR}\";\n")
    add_library(source_dir STATIC ${CMAKE_CURRENT_LIST_DIR}/source_dir.c ${PROJECT_BINARY_DIR}/source_dir.c)
    target_include_directories(source_dir PUBLIC ${CMAKE_CURRENT_LIST_DIR})
    target_link_libraries(source_dir PRIVATE ls_flags)
endif()
