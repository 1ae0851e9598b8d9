import Foundation
import Testing

@testable import Demonstrations

@Suite struct LeftoversTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func place(_ name: String) -> URL { folder.url.appending(path: name) }

  /// A file last written to so many hours ago, and folders above it as old.
  private func make(_ path: String, hoursOld: Double = 2) throws {
    let file = place(path)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data("half".utf8).write(to: file)
    var parts = path.split(separator: "/")
    while !parts.isEmpty {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -3600 * hoursOld)],
        ofItemAtPath: place(parts.joined(separator: "/")).path)
      parts.removeLast()
    }
  }

  private var names: Set<String> {
    get throws { Set(try FileManager.default.contentsOfDirectory(atPath: folder.url.path)) }
  }

  @Test func removesWhatNobodyIsMakingAnyMore() throws {
    for path in [
      ".a.partial-0badf00d", ".latents-1-2.safetensors.partial-00000007", ".data.partial/data/main_data.hdf5",
      ".run.partial/run.json", ".run2.partial/.run.json.partial-0badf00d",
    ] { try make(path) }
    Leftovers.clear(folder.url)
    #expect(try names.isEmpty)
  }

  @Test func leavesEverythingElse() throws {
    let kept = [
      ".mine.partial-12", ".partial-0badf00d", "a.partial-0badf00d", ".x.partial-0badf00d.txt", ".notes.partial/text",
      ".data.partial/data/mine.hdf5", ".folder.partial-0badf00d/a", ".file.partial",
      // As rsync calls what it has half of.
      ".partial/data/main_data.hdf5",
    ]
    for path in kept { try make(path) }
    try make(".new.partial-0badf00d", hoursOld: 0.5)
    // Its folders are old, since only the file in them is written to.
    try make(".growing.partial/data/main_data.hdf5")
    try make(".growing.partial/data/main_data.hdf5", hoursOld: 0.1)
    for old in [".growing.partial", ".growing.partial/data"] {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -7200)], ofItemAtPath: place(old).path)
    }
    try FileManager.default.createSymbolicLink(
      at: place(".link.partial"), withDestinationURL: place(".notes.partial"))
    let before = try names
    Leftovers.clear(folder.url)
    #expect(try names == before)
  }

  @Test func leavesWhatAnotherProcessIsMaking() throws {
    try make(".slow.partial-0badf00d")
    try make(".slow.partial/run.json")
    let locks = [".slow.partial-0badf00d", ".slow.partial"].map { open(place($0).path, O_RDONLY) }
    for lock in locks { #expect(flock(lock, LOCK_EX) == 0) }
    Leftovers.clear(folder.url)
    #expect(try names.count == 2)
    for lock in locks { close(lock) }
    // Whoever makes something beside them clears up.
    let partial = try PartialFolder(for: place("next"))
    #expect(try names == [partial.url.lastPathComponent])
  }
}
