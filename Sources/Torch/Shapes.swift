import CTorch

extension Tensor {
  /// The same elements in row-major order under another shape; one size may be -1.
  public func reshaped(_ shape: [Int]) -> Tensor {
    call("reshape to \(shape)", self) { ct_reshape(handle, shape.map(Int64.init), Int32(shape.count), $0) }
  }
  public func reshaped(_ shape: Int...) -> Tensor { reshaped(shape) }

  /// The first `count` axes made one.
  public func flattened(first count: Int) -> Tensor {
    reshaped([shape.prefix(count).reduce(1, *)] + shape.dropFirst(count))
  }
  /// The last `count` axes made one.
  public func flattened(last count: Int) -> Tensor {
    reshaped(shape.dropLast(count) + [shape.suffix(count).reduce(1, *)])
  }
  /// The first axis split into `sizes`.
  public func unflattened(_ sizes: [Int]) -> Tensor { reshaped(sizes + shape.dropFirst()) }

  public func permuted(_ axes: Int...) -> Tensor {
    call("permute \(axes)", self) { ct_permute(handle, axes.map(Int64.init), Int32(axes.count), $0) }
  }
  public func expanded(_ shape: [Int]) -> Tensor {
    call("expand to \(shape)", self) { ct_expand(handle, shape.map(Int64.init), Int32(shape.count), $0) }
  }
  /// Elements `range` along `axis`.
  public func sliced(_ range: Range<Int>, axis: Int = 0) -> Tensor {
    call("slice \(range) of axis \(axis)", self) {
      ct_narrow(handle, Int64(axis), Int64(range.lowerBound), Int64(range.count), $0)
    }
  }
  /// Element `index` along `axis`, which disappears.
  public func at(_ index: Int, axis: Int = 0) -> Tensor {
    call("element \(index) of axis \(axis)", self) { ct_select(handle, Int64(axis), Int64(index), $0) }
  }
  public subscript(_ index: Int) -> Tensor { at(index) }
  public func dropFirst() -> Tensor { sliced(1..<shape[0]) }
  public func dropLast() -> Tensor { sliced(0..<(shape[0] - 1)) }

  /// The elements at `indices` (`int64`, rank 1) along `axis`.
  public func taking(_ indices: Tensor, axis: Int = 0) -> Tensor {
    call("take along axis \(axis)", self, indices) { ct_index_select(handle, Int64(axis), indices.handle, $0) }
  }
  /// For each index the element there along `axis`; `indices` has this tensor's rank.
  public func gathering(_ indices: Tensor, axis: Int) -> Tensor {
    call("gather along axis \(axis)", self, indices) { ct_gather(handle, Int64(axis), indices.handle, $0) }
  }
  /// One-hot vectors, float32, along a new last axis; integers in 0..<classes.
  public func oneHot(_ classes: Int) -> Tensor {
    call("one-hot of \(classes)", self) { ct_one_hot(handle, Int64(classes), $0) }
  }

  /// The same values one after the other in memory, the last axis fastest.
  public func contiguous() -> Tensor { call("contiguous", self) { ct_contiguous(handle, $0) } }

  /// The same values laid out channel by channel last in memory, as fast convolutions want them; rank 4.
  public func channelsLast() -> Tensor { call("channels last", self) { ct_channels_last(handle, $0) } }
}

extension Tensor {
  /// The elements along the first axis, each of one rank less. Gradients flow back through all of them at once.
  public func unbound() -> [Tensor] {
    var outs = [CTTensor](repeating: CTTensor(), count: shape[0])
    check(ct_unbind(handle, &outs), "unbind", [self])
    return outs.map(Tensor.init(owning:))
  }
}

public func concatenated(_ tensors: [Tensor], axis: Int) -> Tensor {
  var out = CTTensor()
  check(ct_cat(tensors.map(\.handle), Int32(tensors.count), Int64(axis), &out), "concatenate along \(axis)", tensors)
  return Tensor(owning: out)
}

public func stacked(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  var out = CTTensor()
  check(ct_stack(tensors.map(\.handle), Int32(tensors.count), Int64(axis), &out), "stack along \(axis)", tensors)
  return Tensor(owning: out)
}

/// Stops the program unless `tensor` has this shape; -1 stands for any size.
public func checkShape(_ tensor: Tensor, _ shape: [Int], _ name: String) {
  let fits = tensor.shape.count == shape.count && zip(tensor.shape, shape).allSatisfy { $1 == -1 || $0 == $1 }
  precondition(fits, "'\(name)' has shape \(tensor.shape), expected \(shape)")
}
