import Foundation

/// A word that names runs: `runs/a`, or several under a name, `f32=runs/a,runs/b`. Folders that are there may have `=`
/// and `,` in their names.
public struct NamedRuns: Equatable {
  public let name: String
  public let runs: [URL]

  public init(name: String, runs: [URL]) { (self.name, self.runs) = (name, runs) }

  /// Nil where no run is named.
  /// - Parameter isThere: whether a path is.
  public init?(_ word: String, isThere: (String) -> Bool = { FileManager.default.fileExists(atPath: $0) }) {
    let whole = Self.folders(in: word, isThere)
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let isNamed = parts.count == 2 && !whole.allSatisfy(isThere)
    let found = isNamed ? Self.folders(in: parts[1], isThere) : whole
    guard !found.isEmpty else { return nil }
    runs = found.map { URL(fileURLWithPath: $0) }
    name = isNamed ? parts[0] : runs[0].lastPathComponent
  }

  /// The parts between commas, of which those that together are the path of a folder stay together.
  private static func folders(in text: String, _ isThere: (String) -> Bool) -> [String] {
    var (parts, found) = (text.split(separator: ",").map(String.init)[...], [String]())
    while !parts.isEmpty {
      let last = parts.indices.reversed().first { isThere(parts[...$0].joined(separator: ",")) } ?? parts.startIndex
      found.append(parts[...last].joined(separator: ","))
      parts = parts[(last + 1)...]
    }
    return found
  }
}
