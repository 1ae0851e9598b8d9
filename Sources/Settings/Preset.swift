import Foundation
import Synchronization

/// A YAML document that lists what differs from the defaults, either built in or a file.
public struct Preset: Equatable, Sendable {
  /// What error messages cite: the preset's name, or the file's path.
  public let name: String
  public let yaml: String

  public init(name: String, yaml: String) {
    self.name = name
    self.yaml = yaml
  }

  /// Finds what `word` of `--config` means: one of `presets`, standard input for `-`, else a file's path.
  /// - Throws: `ConfigurationError.unknownPreset` if it is neither, `.unreadable` for a file that cannot be read as
  ///   text.
  public static func named(_ word: String, among presets: [Preset]) throws -> Preset {
    if let preset = presets.first(where: { $0.name == word }) { return preset }
    let path = word == "-" ? "/dev/stdin" : word
    guard FileManager.default.fileExists(atPath: path) else {
      throw ConfigurationError.unknownPreset(word, known: sortedByDistance(presets.map(\.name), to: word))
    }
    return Preset(
      name: word == "-" ? "standard input" : word, yaml: try pipes.withLock { try text(of: path, read: &$0) })
  }

  /// What pipes held: they can be read only once, and a command may ask for a file's sections one by one.
  private static let pipes = Mutex<[String: String]>([:])

  private static func text(of path: String, read: inout [String: String]) throws -> String {
    if let known = read[path] { return known }
    var status = stat()
    let kind = stat(path, &status) == 0 ? status.st_mode & S_IFMT : 0
    let refusal = { ConfigurationError.unreadable(file: path, reason: $0) }
    guard kind != S_IFDIR else { throw refusal("it is a folder") }
    guard let file = FileHandle(forReadingAtPath: path), let data = try? file.readToEnd() ?? Data() else {
      throw refusal(String(cString: strerror(errno)))
    }
    guard let text = String(data: data, encoding: .utf8) else { throw refusal("it is not UTF-8 text") }
    if kind != S_IFREG { read[path] = text }
    return text
  }
}
