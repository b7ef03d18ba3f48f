/*/ path "a" { */
