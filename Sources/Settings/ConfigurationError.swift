/// What can be wrong with settings and the places they come from.
public enum ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// One line for each problem.
  case invalid([String])
  /// `known` is sorted, the nearest first.
  case unknownPreset(String, known: [String])
  case unreadable(file: String, reason: String)

  public var description: String {
    switch self {
    case .invalid(let problems):
      problems.joined(separator: "\n")
    case .unknownPreset(let name, let known):
      "--config '\(name)' is neither a file nor a preset; did you mean '\(known.first ?? "")'? The presets are \(known.sorted().joined(separator: ", "))"
    case .unreadable(let file, let reason):
      "\(file): cannot be read (\(reason)); name a readable YAML file or a preset"
    }
  }
}
