path "a" { expiration = "2099-01-31T00:00:00Z" }
path "a" { expiration = "2099-01-01T0:00:00,5+24:60" }
path "a" { expiration = 4070908800 }
path "a" { expiration = "4070908800" }
path "a" { expiration = "" }
