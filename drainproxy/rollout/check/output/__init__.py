"""The formats of a report: for people, for programs, and for three kinds of CI."""
