# The library for others: headers, the CMake package `lockstep` (target lockstep::lockstep) and lockstep.pc.
#
# A static library cannot say what it needs: whoever links it must look for that too. So the package file does, and
# lockstep.pc names it under Requires and Libs: `pkg-config --libs lockstep` is enough, with and without --static.
include(CMakePackageConfigHelpers)
set(LS_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/lockstep)

install(TARGETS lockstep EXPORT lockstepTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/lockstep DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT lockstepTargets NAMESPACE lockstep:: DESTINATION ${LS_PACKAGE_DIR})
configure_package_config_file(src/package/lockstepConfig.cmake.in ${PROJECT_BINARY_DIR}/lockstepConfig.cmake
                              INSTALL_DESTINATION ${LS_PACKAGE_DIR})
# Before 1.0 a new minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lockstepConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lockstepConfig.cmake ${PROJECT_BINARY_DIR}/lockstepConfigVersion.cmake
        DESTINATION ${LS_PACKAGE_DIR})

# Words of a command line: /usr/lib/libx.so stays, x becomes -lx.
function(ls_link_words out)
    set(words)
    foreach(library IN LISTS ARGN)
        if(NOT library MATCHES "^[-/]")
            string(PREPEND library "-l")
        endif()
        list(APPEND words ${library})
    endforeach()
    list(JOIN words " " words)
    set(${out} "${words}" PARENT_SCOPE)
endfunction()

set(LS_PC_CFLAGS ${MPI_C_INCLUDE_DIRS})
list(TRANSFORM LS_PC_CFLAGS PREPEND "-I")
list(JOIN LS_PC_CFLAGS " " LS_PC_CFLAGS)
ls_link_words(LS_PC_MPI ${MPI_C_LIBRARIES})
set(LS_PC_REQUIRES)
set(LS_PC_LIBS)
if(NOT BUILD_SHARED_LIBS)
    set(LS_PC_REQUIRES ${LS_MODULES} zlib)
    list(TRANSFORM LS_PC_REQUIRES REPLACE "^.*=" "")
    list(JOIN LS_PC_REQUIRES " " LS_PC_REQUIRES)
    ls_link_words(LS_PC_LIBS ${HDF5_C_LIBRARIES} ${CMAKE_THREAD_LIBS_INIT} m)
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(LS_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
else()
    file(RELATIVE_PATH LS_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    set(LS_PC_PREFIX "\${pcfiledir}/${LS_PC_UP}") # the whole tree can be moved
endif()
foreach(dir IN ITEMS INCLUDEDIR LIBDIR)
    set(LS_PC_${dir} ${CMAKE_INSTALL_${dir}})
    if(NOT IS_ABSOLUTE "${LS_PC_${dir}}")
        string(PREPEND LS_PC_${dir} "\${prefix}/")
    endif()
endforeach()
configure_file(src/package/lockstep.pc.in ${PROJECT_BINARY_DIR}/lockstep.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lockstep.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# For clusters: the job scripts, which take the installed program where there is none beside them, and a module file.
set(LS_SHARE_DIR ${CMAKE_INSTALL_DATADIR}/lockstep)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(PROGRAMS launch/slurm.sbatch launch/pbs.sh DESTINATION ${LS_SHARE_DIR})
configure_file(src/package/modulefile.in ${PROJECT_BINARY_DIR}/modulefile @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/modulefile DESTINATION ${LS_SHARE_DIR}/modulefiles/lockstep RENAME ${PROJECT_VERSION})
