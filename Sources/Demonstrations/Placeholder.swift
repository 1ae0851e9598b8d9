public enum SequenceSampling: String, Codable, CaseIterable, Sendable { case independent, continuing }
public struct SequenceBatch: Sendable { public var frames: [UInt8]; public var previousActions: [Int32]; public var isFirst: [Bool]; public var length: Int; public var batch: Int; public var startsEpoch: Bool; public var continues: Bool }
