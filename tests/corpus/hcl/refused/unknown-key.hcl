path "a" { foo = 1 }
