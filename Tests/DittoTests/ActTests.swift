import Foundation
import Testing

/// Messages to `ditto act`.
@Suite struct ActTests {
  private let frame = Data((0..<1024).map { UInt8($0 % 251) })

  private func act(_ input: Data) throws -> (status: Int32, actions: Int, errors: String) {
    let outcome = try Program.run("act", "agent", in: CommandTests.made.get().url, input: input)
    return (outcome.status, outcome.output.split(separator: "\n").count, outcome.errors)
  }

  private func checked(_ kind: String, _ length: UInt32, _ content: Data = Data()) -> Data {
    Data(kind.utf8) + withUnsafeBytes(of: length.littleEndian) { Data($0) } + content
  }

  @Test func saysWhatItTakes() throws {
    struct Description: Decodable {
      struct Field: Decodable { let name: String, image: [Int]? }
      struct Part: Decodable { let name: String, classes: [Int]? }
      let frameBytes: Int
      let observation: [Field]
      let actions: [Part]
    }
    let printed = try Program.succeed("act", "agent", "--describe", in: CommandTests.made.get().url)
    let found = try JSONDecoder().decode(Description.self, from: Data(printed.output.utf8))
    #expect(
      found.frameBytes == 1024 && found.observation.map(\.name) == ["observation"]
        && found.observation[0].image == [1, 32, 32] && found.actions.map(\.classes) == [[3]])
    #expect(try act(Data()).errors == "takes frames of 1024 bytes, 1×32×32 uint8, and answers with one of 3 actions\n")
  }

  @Test func answersCheckedMessages() throws {
    let answered = try act(checked("R", 0) + checked("F", 1024, frame) + checked("R", 0) + checked("F", 1024, frame))
    #expect(answered.status == 0 && answered.actions == 2, "\(answered.errors)")
  }

  @Test(arguments: [("F", 3072), ("F", 10), ("R", 7)]) func refusesOtherLengthsAtOnce(kind: String, length: UInt32)
    throws
  {
    let refused = try act(checked("F", 1024, frame) + checked(kind, length))
    #expect(
      refused.status == 65 && refused.actions == 1 && refused.errors.contains("a frame has \(length) bytes"),
      "\(refused.errors)")
  }

  @Test func takesNoOtherMessagesAfterACheckedOne() throws {
    let refused = try act(checked("F", 1024, frame) + Data("f".utf8) + frame)
    #expect(
      refused.status == 64 && refused.actions == 1 && refused.errors.contains("messages begin with 'R' or 'F'"),
      "\(refused.errors)")
  }

  /// Three channels, or float32, of which a first part looks like a frame.
  @Test func makesNoActionOfAPartOfAFrame() throws {
    let refused = try act(Data("f".utf8) + frame + frame + frame)
    #expect(
      refused.status == 64 && refused.actions == 0 && refused.errors.contains("after a frame of 1024 bytes"),
      "\(refused.errors)")
  }

  @Test func saysThatItWaits() throws {
    let process = Process()
    let (input, errors) = (Pipe(), Pipe())
    process.executableURL = Program.url
    process.arguments = ["act", "agent"]
    process.currentDirectoryURL = try CommandTests.made.get().url
    (process.standardInput, process.standardOutput, process.standardError) = (input, Pipe(), errors)
    try process.run()
    input.fileHandleForWriting.write(Data("f".utf8) + frame.prefix(100))
    var said = ""
    while !said.contains("waited for"), let more = try errors.fileHandleForReading.read(upToCount: 1), !more.isEmpty {
      said += String(decoding: more, as: UTF8.self)
    }
    #expect(said.contains("100 of the 1024 bytes"))
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
    #expect(process.terminationStatus == 65)
  }
}
