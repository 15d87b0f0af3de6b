using BenchmarkDotNet.Attributes;
using Metering.Core;

namespace Metering.Benchmarks;

/// <summary>An account with 10,000 subscriptions.</summary>
[MemoryDiagnoser]
public class RecordBenchmarks
{
    private const int Records = 10_000;

    private readonly ByteWriter writer = new(1 << 20);
    private readonly PricedRecord[] hundred = [.. Enumerable.Range(0, 100).Select(Record)];
    private AccountState account = SampleAccount.Open();
    private byte[] snapshot = [];

    /// <summary>Starts the subscriptions.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        account = SampleAccount.Open();
        SampleAccount.Apply(account, new AccessRecords { Records = [.. Enumerable.Range(0, Records).Select(Record)] });
        SnapshotCodec.Encode(account, writer);
        snapshot = writer.Written.ToArray();
    }

    /// <summary>Decides access to 100 records with active subscriptions.</summary>
    [Benchmark]
    public int CheckHundredRecords() => Account.Decide(account, new AccessRecords { Records = hundred }, SampleAccount.Now).Verdicts!.Length;

    /// <summary>The key of one record.</summary>
    [Benchmark]
    public UInt128 KeyOfRecord() => RecordKey.Of("company", "c-4711").Value;

    /// <summary>Writes the whole state.</summary>
    [Benchmark]
    public int EncodeSnapshot()
    {
        writer.Clear();
        SnapshotCodec.Encode(account, writer);
        return writer.Length;
    }

    /// <summary>Reads the whole state.</summary>
    [Benchmark]
    public long DecodeSnapshot() => SnapshotCodec.Decode(account.Id, snapshot).Sequence;

    private static PricedRecord Record(int index) =>
        new(RecordKey.Of("company", $"c-{index}"), "company", $"c-{index}", Credits.Of(1), true, AccessLevel.Trial);
}
