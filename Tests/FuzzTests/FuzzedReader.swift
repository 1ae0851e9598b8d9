import Foundation

/// Something that reads what strangers write, and what it is fed with.
///
/// It may read an input or refuse it with a line that says why; it must neither crash nor hang nor take memory beyond
/// what the input gives reason for.
struct FuzzedReader {
  /// Where inputs begin, before they are changed. Of an input that is one of several files, the first byte says which.
  let seeds: [[UInt8]]
  /// Changes an input as its format suggests.
  let change: (_ input: [UInt8], _ mutator: inout Mutator) -> [UInt8]
  /// Reads an input; what it throws is a refusal, unless it is a `Finding`. The folder is its own, and what earlier
  /// inputs left is in it.
  let read: (_ input: [UInt8], _ folder: URL) throws -> Void

  init(
    seeds: [[UInt8]], change: @escaping ([UInt8], inout Mutator) -> [UInt8],
    read: @escaping ([UInt8], URL) throws -> Void
  ) {
    (self.seeds, self.change, self.read) = (seeds, change, read)
  }

  /// - Throws: `Finding` where an input was neither read nor refused as it should.
  /// - Returns: whether it was read.
  func feed(_ input: [UInt8], in folder: URL) throws(Finding) -> Bool {
    do {
      try read(input, folder)
      return true
    } catch let finding as Finding {
      throw finding
    } catch {
      if "\(error)".isEmpty { throw Finding("is refused without a word") }
      return false
    }
  }

  /// All readers; made when they are asked for, as some write what they are fed with first.
  static let all: [String: @Sendable () throws -> FuzzedReader] = [
    "datasets": datasets, "recordings": recordings, "layouts": layouts, "metadata": metadata,
    "safetensors": safetensors, "configurations": configurations,
    "overrides": overrides, "records": records, "agents": { try agents("agent") },
    "summed-agents": { try agents("summed-agent") }, "frames": frames,
  ]
}

/// What should not have been.
struct Finding: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A file of the other tests.
func fixture(_ path: String) -> URL {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: path)
}

func bytes(of file: URL) throws -> [UInt8] { [UInt8](try Data(contentsOf: file)) }

/// An input of which the first byte says which of several files it stands for.
struct ChangedFile {
  let index: Int
  let content: [UInt8]

  init(_ input: [UInt8], of count: Int) {
    index = Int(input.first ?? 0) % count
    content = Array(input.dropFirst())
  }

  /// The files as they are, each as an input.
  static func seeds(_ files: [[UInt8]]) -> [[UInt8]] { files.enumerated().map { [UInt8($0)] + $1 } }

  /// Changes a file, and seldom which file it stands for.
  static func change(_ change: @escaping (_ file: Int, _ content: [UInt8], inout Mutator) -> [UInt8], of count: Int)
    -> ([UInt8], inout Mutator) -> [UInt8]
  {
    { input, mutator in
      let file = ChangedFile(input, of: count)
      return [UInt8(file.index)] + change(file.index, file.content, &mutator)
    }
  }
}
