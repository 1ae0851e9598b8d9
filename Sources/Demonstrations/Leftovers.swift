import Foundation

/// What processes that were killed left of what they were making: `.name.partial-0badf00d`, a file, and `.name.partial`,
/// a folder.
///
/// A lock tells whether a maker is still there, however long it takes, but on some shared file systems only one of the
/// same machine. So what somebody wrote to within the last hour is left alone; and so are folders that hold anything
/// else than what is made here.
public enum Leftovers {
  private static let quiet: TimeInterval = 3600
  private static let made: Set = [
    "data", "data/main_data.hdf5", "data/metadata.json", "run.json", "configuration.yaml",
  ]

  /// Removes those in `folder`, of whatever they were to become. What cannot be removed stays.
  public static func clear(_ folder: URL) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
      let isFile = isPartialFile(name)
      if isFile || name.contains(/^\..+\.partial$/) {
        removeIfAbandoned(folder.appendingPathComponent(name), isFile ? S_IFREG : S_IFDIR)
      }
    }
  }

  private static func isPartialFile(_ name: String) -> Bool { name.contains(/^\..+\.partial-[0-9a-f]{8}$/) }

  private static func removeIfAbandoned(_ url: URL, _ type: mode_t) {
    let file = open(url.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == type, FileLock.take(file) == .held,
      FileLock.isStillAt(url, file), isOurs(url), isQuiet(url)
    else { return }
    try? FileManager.default.removeItem(at: url)
  }

  private static func paths(in url: URL) -> [String] {
    FileManager.default.enumerator(atPath: url.path)?.compactMap { $0 as? String } ?? []
  }

  private static func isOurs(_ url: URL) -> Bool {
    paths(in: url).allSatisfy { made.contains($0) || isPartialFile($0) }
  }

  private static func isQuiet(_ url: URL) -> Bool {
    ([url] + paths(in: url).map(url.appendingPathComponent)).allSatisfy { place in
      var status = stat()
      return lstat(place.path, &status) == 0
        && Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec)).timeIntervalSinceNow < -quiet
    }
  }
}
