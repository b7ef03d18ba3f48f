path "a"
