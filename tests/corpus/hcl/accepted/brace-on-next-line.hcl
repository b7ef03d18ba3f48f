path "a"
{
  capabilities = ["read"]
}
