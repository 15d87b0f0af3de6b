using Metering.Core;

namespace Metering.Engine;

/// <summary>Turns decisions into rows and links. Buffers are used again from commit to commit; one writer owns it.</summary>
internal sealed class CommitBuilder
{
    private readonly ByteWriter facts = new(64 * 1024);
    private readonly ByteWriter texts = new(64 * 1024);
    private readonly ChainHasher hasher = new();
    private readonly List<AppendGroup> groups = [];
    private readonly Dictionary<AccountActivation, List<LedgerRow>> rows = [];
    private readonly Dictionary<AccountActivation, AppendGroup> groupOf = [];

    /// <summary>The group of an activation in the last <see cref="Build"/>.</summary>
    public AppendGroup GroupOf(AccountActivation activation) => groupOf[activation];

    /// <summary>One group per activation, rows in the order of the decisions. Valid until the next call.</summary>
    public IReadOnlyList<AppendGroup> Build(List<QueuedDecision> decisions)
    {
        facts.Clear();
        texts.Clear();
        groups.Clear();
        rows.Clear();
        groupOf.Clear();
        foreach (var decision in decisions)
        {
            if (!rows.TryGetValue(decision.Activation, out var target))
            {
                rows.Add(decision.Activation, target = []);
            }

            foreach (var entry in decision.Entries)
            {
                target.Add(RowOf(entry));
            }
        }

        foreach (var (activation, group) in rows)
        {
            groups.Add(GroupOf(activation, group));
            groupOf.Add(activation, groups[^1]);
        }

        return groups;
    }

    private LedgerRow RowOf(Entry entry)
    {
        var (factsStart, textsStart) = (facts.Length, texts.Length);
        EntryCodec.Encode(entry, facts, texts);
        return new()
        {
            Sequence = entry.Sequence,
            TransactionNumber = entry.TransactionNumber,
            IsTransaction = entry is TransactionEntry,
            Key = entry.Key?.Id,
            Facts = facts.Written[factsStart..],
            Texts = texts.Written[textsStart..],
        };
    }

    private AppendGroup GroupOf(AccountActivation activation, List<LedgerRow> group)
    {
        hasher.Begin(activation.CommittedHead.Link);
        foreach (var row in group)
        {
            hasher.Add(row.Facts.Span, row.Texts.Span);
        }

        return new()
        {
            Account = activation.Account,
            Expected = activation.CommittedHead,
            Next = new(group[^1].Sequence, hasher.End()),
            Rows = group,
        };
    }
}
