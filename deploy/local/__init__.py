"""The whole stack on one machine, to try, develop and test. Nothing here is for production."""
