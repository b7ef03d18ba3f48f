path "a\12" {}
