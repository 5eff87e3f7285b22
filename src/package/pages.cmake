# What people read: the change log; manual pages and completion, made from what --help says; and the manual of the
# library (target docs). Tools that are missing leave their part out, with a line at configure time.
set(LS_PAGES_DIR ${PROJECT_BINARY_DIR}/pages)
set(LS_PACKAGE_SOURCE ${PROJECT_SOURCE_DIR}/src/package)

install(FILES ${LS_PACKAGE_SOURCE}/CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

find_program(LS_DOXYGEN doxygen)
if(LS_DOXYGEN)
    configure_file(${LS_PACKAGE_SOURCE}/Doxyfile.in ${PROJECT_BINARY_DIR}/Doxyfile @ONLY)
    add_custom_target(docs COMMAND ${LS_DOXYGEN} ${PROJECT_BINARY_DIR}/Doxyfile VERBATIM)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/docs/html DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
else()
    message(STATUS "No target docs: doxygen was not found")
endif()

find_program(LS_BASH bash)
find_program(LS_HELP2MAN help2man)
if(CMAKE_CROSSCOMPILING OR NOT LS_BASH OR NOT TARGET lockstep_cli)
    message(STATUS "No manual pages and completion: the program must run here, and bash was looked for")
    return()
endif()

# help.txt changes only when a page does, so a new build of the program alone makes nothing below anew.
add_custom_command(OUTPUT ${LS_PAGES_DIR}/collected BYPRODUCTS ${LS_PAGES_DIR}/help.txt
                   COMMAND ${CMAKE_COMMAND} -E make_directory ${LS_PAGES_DIR}
                   COMMAND ${LS_BASH} ${LS_PACKAGE_SOURCE}/collect_help $<TARGET_FILE:lockstep_cli> ${LS_PAGES_DIR}/help.txt
                   COMMAND ${CMAKE_COMMAND} -E touch ${LS_PAGES_DIR}/collected
                   DEPENDS lockstep_cli ${LS_PACKAGE_SOURCE}/collect_help VERBATIM)
add_custom_target(help_texts ALL DEPENDS ${LS_PAGES_DIR}/collected)

set(LS_PAGES)
# What editors check experiments and sweeps by, where the program looks for it from its own place.
foreach(kind IN ITEMS experiment sweep)
    set(schema ${PROJECT_BINARY_DIR}/share/lockstep/${kind}.schema.json)
    add_custom_command(OUTPUT ${schema}
                       COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/share/lockstep
                       COMMAND $<TARGET_FILE:lockstep_cli> schema ${kind} > ${schema}
                       DEPENDS lockstep_cli VERBATIM)
    list(APPEND LS_PAGES ${schema})
    install(FILES ${schema} DESTINATION ${CMAKE_INSTALL_DATADIR}/lockstep)
endforeach()
foreach(pair IN ITEMS bash=lockstep zsh=_lockstep)
    string(REPLACE "=" ";" pair ${pair})
    list(GET pair 0 shell)
    list(GET pair 1 name)
    set(template ${LS_PACKAGE_SOURCE}/lockstep.${shell}.in)
    add_custom_command(OUTPUT ${LS_PAGES_DIR}/${name}
                       COMMAND ${LS_BASH} ${LS_PACKAGE_SOURCE}/make_completion ${LS_PAGES_DIR}/help.txt ${shell} ${template}
                               ${LS_PAGES_DIR}/${name}
                       DEPENDS ${LS_PAGES_DIR}/help.txt ${LS_PACKAGE_SOURCE}/make_completion ${template} VERBATIM)
    list(APPEND LS_PAGES ${LS_PAGES_DIR}/${name})
endforeach()
install(FILES ${LS_PAGES_DIR}/lockstep DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${LS_PAGES_DIR}/_lockstep DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)

if(LS_HELP2MAN)
    add_custom_command(OUTPUT ${LS_PAGES_DIR}/man1/lockstep.1
                       COMMAND ${LS_BASH} ${LS_PACKAGE_SOURCE}/make_man ${LS_PAGES_DIR}/help.txt ${PROJECT_VERSION}
                               ${LS_PAGES_DIR}/man1 ${PROJECT_SOURCE_DIR}/launch/lockstep-run
                       DEPENDS ${LS_PAGES_DIR}/help.txt ${LS_PACKAGE_SOURCE}/make_man
                               ${PROJECT_SOURCE_DIR}/launch/lockstep-run VERBATIM)
    list(APPEND LS_PAGES ${LS_PAGES_DIR}/man1/lockstep.1)
    install(DIRECTORY ${LS_PAGES_DIR}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
else()
    message(STATUS "No manual pages: help2man was not found")
endif()
add_custom_target(pages ALL DEPENDS ${LS_PAGES})
add_dependencies(pages help_texts)
