path "a\xff\377" {}
