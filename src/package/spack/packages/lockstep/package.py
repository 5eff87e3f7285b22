# A Spack recipe that builds a checkout:
#   spack repo add src/package/spack
#   spack dev-build --source-path . lockstep@main
from spack.package import *


class Lockstep(CMakePackage):
    """Data-parallel training of neural networks over MPI, with the same weights, bit for bit, on any number of ranks."""

    license("MIT")

    version("main")

    variant("shared", default=True, description="Build a shared library")
    variant("tests", default=False, description="Build the tests")

    depends_on("c", type="build")
    depends_on("cmake@3.18:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("help2man", type="build")
    depends_on("mpi@3:")
    depends_on("openblas threads=none")
    depends_on("hdf5+shared~mpi")
    depends_on("libyaml")
    depends_on("xxhash")
    depends_on("sleef")
    depends_on("jansson")
    depends_on("libzip")
    depends_on("zlib-api")
    depends_on("libpng")
    depends_on("jpeg")
    depends_on("gnuplot", type="run")
    depends_on("graphviz", type="run")
    depends_on("cmocka", when="+tests", type="build")

    def cmake_args(self):
        return [
            self.define_from_variant("BUILD_SHARED_LIBS", "shared"),
            self.define_from_variant("BUILD_TESTING", "tests"),
            self.define("LS_BENCH", False),
        ]

    def setup_run_environment(self, env):
        env.set("OPENBLAS_NUM_THREADS", "1")
