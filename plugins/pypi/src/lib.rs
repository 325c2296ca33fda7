//! weir-pypi
