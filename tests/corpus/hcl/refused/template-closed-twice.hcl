path "{{a}}}}" {}
