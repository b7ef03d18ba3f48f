path "a" {
  comment = [["a"] "b"]
}
