import Foundation
import Settings

/// What libFuzzer calls, for the reader that `DITTO_FUZZ_READER` names. Built by `Scripts/fuzz`.
private enum Fed {
  nonisolated(unsafe) static var reader: FuzzedReader?
  nonisolated(unsafe) static var folder = URL(fileURLWithPath: "/")
}

@_cdecl("LLVMFuzzerInitialize") public func initialize(
  _ count: UnsafeMutablePointer<Int32>?, _ arguments: UnsafeMutableRawPointer?
) -> Int32 {
  let name = ProcessInfo.processInfo.environment["DITTO_FUZZ_READER"] ?? ""
  guard let make = FuzzedReader.all[name] else {
    fatalError("DITTO_FUZZ_READER is '\(name)'; readers: \(FuzzedReader.all.keys.sorted().joined(separator: " "))")
  }
  do {
    Fed.reader = try make()
    Fed.folder = FileManager.default.temporaryDirectory.appending(path: "ditto-fuzz-\(name)-\(getpid())")
    try FileManager.default.createDirectory(at: Fed.folder, withIntermediateDirectories: true)
  } catch {
    fatalError("\(error)")
  }
  atexit { try? FileManager.default.removeItem(at: Fed.folder) }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput") public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  do {
    _ = try Fed.reader!.feed(Array(UnsafeBufferPointer(start: start, count: count)), in: Fed.folder)
  } catch {
    fatalError("the input \(error)")
  }
  return 0
}

@_silgen_name("LLVMFuzzerMutate") private func mutate(_ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ limit: Int)
  -> Int

/// Half of the changes are libFuzzer's own, which follow what it has learned of the code, and half those that the
/// format suggests; some begin anew.
@_cdecl("LLVMFuzzerCustomMutator") public func change(
  _ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ limit: Int, _ seed: UInt32
) -> Int {
  var mutator = Mutator(Seed(UInt64(seed)))
  let reader = Fed.reader!
  let begins = size < 2 || mutator.number(0..<16) == 0
  if !begins, mutator.number(0..<2) == 0 { return mutate(data, size, limit) }
  let input = begins ? mutator.pick(reader.seeds) : Array(UnsafeBufferPointer(start: data, count: size))
  let changed = reader.change(input, &mutator).prefix(limit)
  for (index, byte) in changed.enumerated() { data[index] = byte }
  return changed.count
}
