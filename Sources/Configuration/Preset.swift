import Foundation

/// A YAML document that lists what differs from the defaults, either built in or a file.
public struct Preset: Equatable, Sendable {
  /// What error messages cite: the preset's name, or the file's path.
  public let name: String
  public let yaml: String

  public init(name: String, yaml: String) {
    self.name = name
    self.yaml = yaml
  }

  /// Finds what `word` of `--config` means: one of `presets`, else a file's path.
  /// - Throws: `ConfigurationError.unknownPreset` if it is neither, `.unreadable` for a file that cannot be read as text.
  public static func named(_ word: String, among presets: [Preset]) throws -> Preset {
    if let preset = presets.first(where: { $0.name == word }) { return preset }
    guard FileManager.default.fileExists(atPath: word) else {
      throw ConfigurationError.unknownPreset(word, known: sortedByDistance(presets.map(\.name), to: word))
    }
    do {
      return Preset(name: word, yaml: try String(contentsOfFile: word, encoding: .utf8))
    } catch {
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: word, isDirectory: &isFolder)
      throw ConfigurationError.unreadable(
        file: word, reason: isFolder.boolValue ? "it is a folder" : "no permission, or not UTF-8 text")
    }
  }
}
