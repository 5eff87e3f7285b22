# `cpack -G DEB` in the build folder: lockstep_VERSION_ARCH.deb, the program and the library in one package, as
# `cmake --install` lays them out under /usr. What it needs is read from its binaries (dpkg-shlibdeps).
set(CPACK_PACKAGE_VENDOR "The lockstep authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "data-parallel training with the same bits on any number of ranks")
set(CPACK_PACKAGE_DESCRIPTION "lockstep trains neural networks data-parallel over MPI and gives the same weights, bit for
 bit, on any number of ranks and on any machine. Experiments are YAML files with Keras's names and defaults; data sets,
 models and checkpoints are HDF5 files, which Keras opens.")
string(REPLACE "\n" "" CPACK_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The lockstep authors <lockstep@localhost>")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS openmpi-bin)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "openssh-client, gnuplot-nox | gnuplot, graphviz")
# Who links the library needs what it was built with.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libopenmpi-dev, libopenblas-dev, libhdf5-dev, libyaml-dev, libxxhash-dev, libsleef-dev, \
libjansson-dev, libzip-dev, libpng-dev, libjpeg-dev, zlib1g-dev")
include(CPack)
