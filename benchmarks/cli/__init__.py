"""The commands of `goldenrule`, a file each. torch is imported where a command needs it, so that help is instant."""
