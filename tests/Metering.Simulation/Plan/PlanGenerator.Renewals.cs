namespace Metering.Simulation;

/// <content>Periods that are paid late or not at all, and the end of their grace to the millisecond, with numbers of their own.</content>
internal sealed partial class PlanGenerator
{
    /// <summary>
    /// Adds renewals at the end of the plan, where its clocks jump to whatever a grace period needs: a payment, credits that outlive the period, a
    /// jump, spending around the end of the grace, and the invoice at last.
    /// </summary>
    /// <returns>Days of grace.</returns>
    private int RenewMore(Random places, DateTimeOffset start)
    {
        var graceDays = places.Next(4) == 0 ? 0 : places.Next(1, 61);
        var time = items.Max(item => item.At) + 50;
        for (var count = places.Next(1, 4); count > 0; count--)
        {
            var account = accounts[places.Next(3) == 0 ? places.Next(accounts.Length) : 0];
            var paidThrough = ClockAt(start, time).AddDays(places.Next(0, 100)).AddMilliseconds(items.Count);
            Add(time, new PaymentOperation(new() { PaidThrough = paidThrough, ExternalReference = $"invoice {items.Count}" }) { Index = items.Count, Account = account, MeterChoice = places.Next(4) });
            Add(time + 1, new GrantOperation(new() { Source = GrantSource.Purchase, Amount = Credits.Of(places.Next(5, 50)), Description = $"op-{items.Count}", IdempotencyKey = $"key-{items.Count}" })
            {
                Index = items.Count, Account = account, Retries = 3, MeterChoice = places.Next(4),
            });
            if (places.Next(5) == 0)
            {
                Add(time + 2, new CancelOperation(new() { IdempotencyKey = $"key-{items.Count}" }, true) { Index = items.Count, Account = account, Retries = 3, MeterChoice = places.Next(4) });
            }

            // What is called at this time of the plan is called at the last instant of what is paid, or of its grace.
            var end = time + 200;
            var instant = paidThrough + (places.Next(3) == 0 ? TimeSpan.Zero : TimeSpan.FromDays(graceDays));
            items.Add(new JumpItem(time + 150, -1, instant - ClockAt(start, end)));
            for (var spending = places.Next(4, 9); spending > 0; spending--)
            {
                Add(end + places.Next(-2, 3), Spending(places, account, start, end));
            }

            if (places.Next(2) == 0)
            {
                items.Add(new JumpItem(end + 20, -1, TimeSpan.FromDays(places.Next(1, 40))));
            }

            Add(end + 40, new PaymentOperation(new() { PaidThrough = ClockAt(start, end + 40).AddDays(places.Next(-10, 60)).AddMilliseconds(items.Count), ExternalReference = $"invoice {items.Count}" })
            {
                Index = items.Count, Account = account, MeterChoice = places.Next(4),
            });
            Add(end + 41, new BalanceOperation { Index = items.Count, Account = account, MeterChoice = places.Next(4) });
            time = end + 100;
        }

        return graceDays;
    }

    private Operation Spending(Random places, AccountId account, DateTimeOffset start, int time) => places.Next(6) switch
    {
        0 => Visit(places, account, ClockAt(start, time)),
        1 => new AccessOperation(new()
        {
            Records = [new("company", $"{places.Next(12)}"), new("company", $"late-{items.Count}")],
            Mode = (AccessMode)places.Next(2),
            Description = $"op-{items.Count}",
        })
        {
            Index = items.Count, Account = account, MeterChoice = places.Next(4),
        },
        2 => new CancelOperation(new() { IdempotencyKey = $"key-{items.Count}" }, places.Next(2) == 0) { Index = items.Count, Account = account, Retries = 1, MeterChoice = places.Next(4) },
        _ => new DeductOperation(new() { Amount = new(places.Next(1, 20_000)), Description = $"op-{items.Count}", IdempotencyKey = $"key-{items.Count}" })
        {
            Index = items.Count, Account = account, Retries = places.Next(2), MeterChoice = places.Next(4),
        },
    };

    private void Add(int time, Operation operation) => items.Add(new CallItem(time, operation));
}
