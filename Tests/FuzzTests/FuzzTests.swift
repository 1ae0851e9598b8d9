import Foundation
import Settings
import Testing

/// A short part of what `make fuzz` does at length: each reader in a process of its own, fed with what once found
/// something and with changed files.
@Suite struct FuzzTests {
  @Test(arguments: FuzzedReader.all.keys.sorted()) func reads(_ name: String) async {
    await #expect(processExitsWith: .success) { [name] in try feed(name) }
  }
}

private func feed(_ name: String) throws {
  let reader = try FuzzedReader.all[name]!()
  let folder = FileManager.default.temporaryDirectory.appending(path: "ditto-fuzz-\(name)-\(UUID())")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  for input in try reader.seeds + kept(name) { _ = try reader.feed(input, in: folder) }
  for index in 0..<60 {
    var mutator = Mutator(Seed(1).stream(name).step(index))
    _ = try reader.feed(reader.change(reader.seeds[index % reader.seeds.count], &mutator), in: folder)
  }
}

/// Inputs of a reader that are kept in the repository.
private func kept(_ name: String) throws -> [[UInt8]] {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Corpus/\(name)")
  guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
  return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).map {
    [UInt8](try Data(contentsOf: $0))
  }
}
