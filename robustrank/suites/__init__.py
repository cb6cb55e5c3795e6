"""The suites: versioned experiments that never change, with what is measured of them. A suite is a file beside this."""
