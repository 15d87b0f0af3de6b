namespace Metering.Simulation;

/// <content>Commands that come by themselves among the others, with numbers of their own.</content>
internal sealed partial class PlanGenerator
{
    private readonly Random grants;
    private bool changesAccounts;

    private void CommandsMore(Random places, DateTimeOffset start)
    {
        changesAccounts = places.Next(2) == 0;
        for (var count = places.Next(10, 30); count > 0; count--)
        {
            var time = places.Next(50, at);
            var account = accounts[places.Next(4) == 0 ? places.Next(accounts.Length) : 0];
            items.Add(new CallItem(time, Command(places, account, ClockAt(start, time), time)));
        }
    }

    /// <summary>What was granted before, an old one as often as any: old ones may be archived. Below 0 for nothing.</summary>
    private int GrantBefore(AccountId account, int time)
    {
        var granted = items.OfType<CallItem>().Where(call => call.At < time && call.Operation is GrantOperation && call.Operation.Account == account).Select(call => call.Operation.Index).ToArray();
        return granted.Length == 0 || grants.Next(6) == 0 ? -1 : granted[grants.Next(grants.Next(2) == 0 ? Math.Min(4, granted.Length) : granted.Length)];
    }

    /// <summary>What the first process's clock says at a time of the plan.</summary>
    private DateTimeOffset ClockAt(DateTimeOffset start, int time) =>
        items.OfType<JumpItem>().Where(jump => jump.At <= time && jump.Process <= 0).Aggregate(start.AddMilliseconds(time), (clock, jump) => clock + jump.By);

    /// <summary>Half of the histories have accounts whose status, plan and debt change; the others leave them alone.</summary>
    private Operation Command(Random places, AccountId account, DateTimeOffset now, int time)
    {
        var (index, retries, meter) = (items.Count, places.Next(4), places.Next(4));
        int? cancelAfter = places.Next(25) == 0 ? places.Next(30) : null;
        var key = $"key-{index}";
        var reference = places.Next(3) == 0 ? $"event {places.Next(12)}" : $"invoice {index}";
        return (changesAccounts ? places.Next(16) : 0) switch
        {
            < 5 => Visit(places, account, now),
            14 or 15 => Bring(places, account, now, reference),
            5 => new SetStatusOperation(new() { Status = places.Next(4) switch { 0 => AccountStatus.Suspended, 1 => AccountStatus.Closed, _ => AccountStatus.Active }, Reason = $"op-{index}", IdempotencyKey = key })
            {
                Index = index, Account = account, Retries = retries, MeterChoice = meter, CancelAfter = cancelAfter,
            },
            6 or 7 => new CreditLimitOperation(new() { Limit = Credits.Of(places.Next(3) * 40), IdempotencyKey = key })
            {
                Index = index, Account = account, Retries = retries, MeterChoice = meter, CancelAfter = cancelAfter,
            },
            8 or 9 => new TakeBackOperation(GrantBefore(account, time), new() { Amount = new(places.Next(1, 800_000)), ExternalReference = reference, Reason = $"op-{index}", IdempotencyKey = key })
            {
                Index = index, Account = account, Retries = retries, MeterChoice = meter, CancelAfter = cancelAfter,
            },
            10 or 11 => new CancelOperation(new() { IdempotencyKey = key }, places.Next(2) == 0)
            {
                Index = index, Account = account, Retries = retries, MeterChoice = meter, CancelAfter = cancelAfter,
            },
            _ => new ChangePlanOperation(new()
            {
                Plan = Plans[places.Next(Plans.Length)],
                When = (PlanChangeTime)places.Next(2),
                Allotment = places.Next(4) == 0 ? PlanAllotment.Prorated : PlanAllotment.Whole,
                PaidThrough = places.Next(4) == 0 ? now.AddDays(places.Next(-5, 60)) : null,
                ExternalReference = places.Next(2) == 0 ? null : reference,
                IdempotencyKey = key,
            })
            {
                Index = index, Account = account, Retries = retries, MeterChoice = meter, CancelAfter = cancelAfter,
            },
        };
    }

    private StartRecordsOperation Bring(Random places, AccountId account, DateTimeOffset now, string reference)
    {
        var index = items.Count;
        return new(new()
        {
            Records = [.. Enumerable.Range(0, places.Next(1, 5)).Select(_ => new GivenRecord("company", $"{places.Next(12)}", End()))],
            ExternalReference = reference,
            IdempotencyKey = $"key-{index}",
        })
        {
            Index = index, Account = account, Retries = places.Next(4), MeterChoice = places.Next(4), CancelAfter = places.Next(25) == 0 ? places.Next(30) : null,
        };

        DateTimeOffset End() => places.Next(6) switch
        {
            0 => now.AddMilliseconds(places.Next(-1_000, 3_000)),
            1 => now.AddMonths(12).AddHours(places.Next(-10, 40)),
            2 => new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero).AddDays(places.Next(1, 300)),
            _ => now.AddHours(places.Next(1, 8_700)),
        };
    }

    private VisitOperation Visit(Random places, AccountId account, DateTimeOffset now)
    {
        var index = items.Count;
        return new(new()
        {
            // The mark tells whose line it is; the other companies are those that are paid for, too.
            Records = [new("company", $"op-{index}"), .. Enumerable.Range(0, places.Next(4)).Select(_ => new RecordRequest("company", $"{places.Next(12)}"))],
            SeenAt = places.Next(2) == 0 ? null : now.AddMilliseconds(places.Next(-1_000, 1_000)).AddHours(places.Next(-33 * 24, 2)),
            IdempotencyKey = places.Next(2) == 0 ? null : $"key-{index}",
        })
        {
            Index = index, Account = account, Retries = places.Next(4), MeterChoice = places.Next(4), CancelAfter = places.Next(25) == 0 ? places.Next(30) : null,
        };
    }
}
