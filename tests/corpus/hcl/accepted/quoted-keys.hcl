"path" "a" {
  "capabilities" = ["read"]
}
