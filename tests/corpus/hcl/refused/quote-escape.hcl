path "a\'" {}
