"""What every layer uses: errors, seeding, clean text, whole files, plug-ins by name."""
