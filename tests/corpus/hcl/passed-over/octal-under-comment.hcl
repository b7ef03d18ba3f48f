path "a" { comment = 08 }
