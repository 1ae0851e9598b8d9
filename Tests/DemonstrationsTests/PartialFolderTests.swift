import Foundation
import Testing

@testable import Demonstrations

@Suite struct PartialFolderTests {
  private static func place() -> URL {
    FileManager.default.temporaryDirectory.appending(path: "ditto-partial-\(UUID())/result")
  }

  @Test func onlyOneMakesIt() throws {
    let place = Self.place()
    defer { try? FileManager.default.removeItem(at: place.deletingLastPathComponent()) }
    let first = try PartialFolder(for: place)
    #expect(throws: PartialFolder.Failure.self) { try PartialFolder(for: place) }
    try Data([1]).write(to: first.url.appending(path: "content"))
    try first.publish()
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.deletingLastPathComponent().path) == ["result"])
  }

  @Test func whatNobodyPublishesGoes() throws {
    let place = Self.place()
    defer { try? FileManager.default.removeItem(at: place.deletingLastPathComponent()) }
    let partial = try PartialFolder(for: place)
    try withExtendedLifetime(consume partial) { try Data([1]).write(to: $0.url.appending(path: "content")) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.deletingLastPathComponent().path) == [])
  }

  @Test func emptiesNothingBehindALink() throws {
    let place = Self.place()
    let folder = place.deletingLastPathComponent()
    defer { try? FileManager.default.removeItem(at: folder) }
    let other = folder.appending(path: "other")
    try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
    try Data([1]).write(to: other.appending(path: "content"))
    try FileManager.default.createSymbolicLink(
      at: folder.appending(path: ".result.partial"), withDestinationURL: other)
    #expect(throws: PartialFolder.Failure.self) { try PartialFolder(for: place) }
    #expect(FileManager.default.fileExists(atPath: other.appending(path: "content").path))
  }

  /// A folder that was made and cannot be opened, as nothing can once a process has all the files that it may have
  /// open.
  @Test func whatCannotBeOpenedIsNotLeft() async {
    await #expect(processExitsWith: .success) {
      let place = Self.place()
      defer { try? FileManager.default.removeItem(at: place.deletingLastPathComponent()) }
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      let next = dup(0)
      close(next)
      var none = rlimit(rlim_cur: rlim_t(next), rlim_max: limit.rlim_max)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
      let outcome = Result { try PartialFolder(for: place) }
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      #expect(throws: PartialFolder.Failure.self) { try outcome.get() }
      let left = try FileManager.default.contentsOfDirectory(atPath: place.deletingLastPathComponent().path)
      #expect(left == [])
    }
  }
}
