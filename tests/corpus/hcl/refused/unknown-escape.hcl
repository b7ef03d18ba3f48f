path "a\q" {}
