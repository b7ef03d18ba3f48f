path "{{identity.entity.metadata.tenant}}/{{ identity.entity.name }}" {} path "{{}}{{x}}" {} path "{{{a}}}" {}
