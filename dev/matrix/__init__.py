"""`make matrix`: the tests on each version of Airflow and of CPython that the package promises."""
