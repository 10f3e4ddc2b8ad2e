// see later
enum ConfigurationPlaceholder {}
