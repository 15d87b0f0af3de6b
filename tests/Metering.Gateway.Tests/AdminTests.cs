using System.Text;
using Metering.Engine;
using Metering.Gateway.Admin;
using Metering.Gateway.Setup;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary><c>/admin/v1</c>: what operators do, and that all of it is in the audit log.</summary>
public sealed class AdminTests : IAsyncLifetime
{
    private GatewayHost host = null!;
    private TestCaller admin = null!;

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        admin = await host.AddKeyAsync(new("operator"), ApiKeyScopes.Admin);
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Theory]
    [InlineData("GET", "/admin/v1/accounts")]
    [InlineData("POST", "/admin/v1/accounts")]
    [InlineData("GET", "/admin/v1/accounts/account-1")]
    [InlineData("POST", "/admin/v1/accounts/account-1/erase")]
    [InlineData("GET", "/admin/v1/accounts/account-1/keys")]
    [InlineData("POST", "/admin/v1/accounts/account-1/keys")]
    [InlineData("DELETE", "/admin/v1/accounts/account-1/keys/key_1")]
    [InlineData("POST", "/admin/v1/accounts/account-1/grants")]
    [InlineData("POST", "/admin/v1/accounts/account-1/adjustments")]
    [InlineData("POST", "/admin/v1/accounts/account-1/payments")]
    [InlineData("POST", "/admin/v1/accounts/account-1/cancel")]
    [InlineData("POST", "/admin/v1/accounts/account-1/resume")]
    [InlineData("GET", "/admin/v1/accounts/account-1/transactions")]
    [InlineData("GET", "/admin/v1/coupons")]
    [InlineData("POST", "/admin/v1/coupons")]
    [InlineData("PATCH", "/admin/v1/coupons/A")]
    [InlineData("GET", "/admin/v1/coupons/A")]
    [InlineData("GET", "/admin/v1/coupons/A/redemptions")]
    [InlineData("GET", "/admin/v1/plans")]
    [InlineData("GET", "/admin/v1/plans/starter/versions")]
    [InlineData("GET", "/admin/v1/audit")]
    [InlineData("GET", "/admin/v1/payments/problems")]
    [InlineData("POST", "/admin/v1/payments/events/evt_1/retry")]
    [InlineData("GET", "/admin/v1/accounts/account-1/reversals")]
    public async Task Only_admin_keys_get_in(string method, string path)
    {
        var caller = await host.OpenAsync();
        var answer = await caller.SendAsync(new(method), path);
        Assert.Equal((403, "scope_missing"), (answer.Status, answer.Code));
        using var request = new HttpRequestMessage(new(method), path);
        Assert.Equal(401, (await Answer.OfAsync(host.Client, request)).Status);
        Assert.Empty(await AuditAsync());
    }

    [Fact]
    public async Task An_account_is_opened_with_its_profile_and_a_key_that_works()
    {
        var answer = await admin.PostAsync("/admin/v1/accounts", """
            {"id": "acme", "email": "ann@acme.example", "companyName": "Acme", "plan": "starter", "anchor": "2026-04-15T00:00:00Z", "paidThrough": "2026-05-15T02:00:00+02:00",
              "key": {"name": "First key", "scopes": ["read"], "expiresAt": "2027-01-01T00:00:00Z"}}
            """);
        Assert.Equal(201, answer.Status);
        var account = answer.Json.GetProperty("account");
        Assert.Equal("ann@acme.example", account.GetProperty("email").GetString());
        Assert.Equal("2026-05-15T00:00:00.000Z", account.GetProperty("balance").GetProperty("paidThrough").GetString());
        Assert.Equal("2026-05-22T00:00:00.000Z", account.GetProperty("balance").GetProperty("graceEndsAt").GetString());
        Assert.Equal(1, account.GetProperty("terms").GetProperty("planVersion").GetInt32());
        var key = answer.Json.GetProperty("key");
        Assert.Equal(["read"], key.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/credits") { Headers = { { "X-API-Key", key.GetProperty("key").GetString() } } };
        Assert.Equal("""{"credits":100}""", (await Answer.OfAsync(host.Client, request)).Body);
        Assert.Equal(account.GetRawText(), (await admin.GetAsync("/admin/v1/accounts/acme")).Body);

        var again = await admin.PostAsync("/admin/v1/accounts", """{"id": "acme", "plan": "growth"}""");
        Assert.Equal((409, "account_exists"), (again.Status, again.Code));
    }

    [Theory]
    [InlineData("""{"plan": "starter", "Plan": "x"}""", "Plan")]
    [InlineData("""{"id": "acme"}""", "plan")]
    [InlineData("""{"id": "acme", "plan": "nothing"}""", "plan")]
    [InlineData("""{"id": "not an id", "plan": "starter"}""", "id")]
    [InlineData("""{"id": "test:acme", "plan": "starter"}""", "id")]
    [InlineData("""{"plan": "starter", "email": "nobody"}""", "email")]
    [InlineData("""{"plan": "starter", "companyName": "a\u0000b"}""", "companyName")]
    [InlineData("""{"plan": "starter", "anchor": "2026-05-01T00:00:00"}""", "anchor")]
    [InlineData("""{"plan": "starter", "paidThrough": "yesterday"}""", "paidThrough")]
    [InlineData("""{"plan": "starter", "key": {"scopes": ["read"]}}""", "key.name")]
    [InlineData("""{"plan": "starter", "key": {"name": "a", "scopes": ["root"]}}""", "key.scopes")]
    [InlineData("""{"plan": "starter", "key": {"name": "a", "scopes": ["admin"], "sandbox": true}}""", "key.scopes")]
    public async Task A_malformed_account_is_refused_and_leaves_nothing(string json, string field)
    {
        var answer = await admin.PostAsync("/admin/v1/accounts", json);
        Assert.Equal((400, "invalid_request", field), (answer.Status, answer.Code, answer.Field));
        Assert.Empty((await admin.GetAsync("/admin/v1/accounts")).Json.GetProperty("accounts").EnumerateArray());
    }

    [Fact]
    public async Task A_retry_gets_the_first_answer_without_the_secret()
    {
        const string Body = """{"plan": "starter", "key": {"name": "First key"}}""";
        var first = await admin.PostAsync("/admin/v1/accounts", Body, "key-1");
        var replay = await admin.PostAsync("/admin/v1/accounts", Body, "key-1");
        Assert.Equal((201, 201, false, true), (first.Status, replay.Status, first.IsReplay, replay.IsReplay));
        Assert.Equal(first.Json.GetProperty("account").GetRawText(), replay.Json.GetProperty("account").GetRawText());
        Assert.True(first.Json.GetProperty("key").TryGetProperty("key", out _));
        Assert.False(replay.Json.GetProperty("key").TryGetProperty("key", out _));
        Assert.Contains("shown once", replay.Json.GetProperty("key").GetProperty("notice").GetString(), StringComparison.Ordinal);
        Assert.Single((await admin.GetAsync("/admin/v1/accounts")).Json.GetProperty("accounts").EnumerateArray());

        var other = await admin.PostAsync("/admin/v1/accounts", """{"plan": "growth"}""", "key-1");
        Assert.Equal((422, "idempotency_key_reused"), (other.Status, other.Code));
        Assert.Single(await AuditAsync());
    }

    [Fact]
    public async Task A_request_that_died_in_the_middle_is_finished_by_its_retry()
    {
        var answers = host.Services.GetRequiredService<IAnswerStore>();
        const string Body = """{"id":"acme","plan":"starter","email":"ann@acme.example"}""";
        var first = await admin.PostAsync("/admin/v1/accounts", Body, "key-1");
        Assert.Equal(201, first.Status);

        // As if the process had died before the profile and the answer were stored: the ledger has the account, and the key is at work.
        await answers.ForgetAsync(host.Clock.GetUtcNow().AddDays(1));
        var (keyHash, requestHash) = Hashes("key-1", "POST /admin/v1/accounts\n", """{"id":"acme","email":"ann@acme.example","firstName":null,"lastName":null,"companyName":null,"companyWebsite":null,"plan":"starter","anchor":null,"paidThrough":null,"key":null}""");
        await answers.BeginAsync("admin:operator", keyHash, requestHash, host.Clock.GetUtcNow(), host.Clock.GetUtcNow());
        host.Clock.Advance(TimeSpan.FromMinutes(1));
        var retry = await admin.PostAsync("/admin/v1/accounts", Body, "key-1");
        Assert.Equal((201, false), (retry.Status, retry.IsReplay));
        Assert.Equal("acme", retry.Json.GetProperty("account").GetProperty("id").GetString());

        static (byte[] Key, byte[] Request) Hashes(string key, string route, string json) => (
            System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes("admin:operator\n" + key)),
            System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(route + json)).AsSpan(0, 16).ToArray());
    }

    [Fact]
    public async Task A_request_that_a_store_broke_off_is_finished_by_its_retry()
    {
        var sandboxes = new FailingSandboxes();
        await using var failing = await GatewayHost.StartAsync(services => services.AddSingleton<ISandboxStore>(sandboxes));
        var operatorKey = await failing.AddKeyAsync(new("operator"), ApiKeyScopes.Admin);
        const string Body = """{"id": "acme", "plan": "starter", "key": {"name": "First key"}}""";
        sandboxes.IsAway = true;
        Assert.Equal(503, (await operatorKey.PostAsync("/admin/v1/accounts", Body, "key-1")).Status);
        sandboxes.IsAway = false;
        Assert.True((await failing.Meter.GetBalanceAsync(new("acme"))).IsSuccess);

        var retry = await operatorKey.PostAsync("/admin/v1/accounts", Body, "key-1");
        Assert.Equal((201, "acme"), (retry.Status, retry.Json.GetProperty("account").GetProperty("id").GetString()));
        Assert.Single(await failing.Directory.ListKeysAsync(new("acme")));
    }

    [Fact]
    public async Task A_key_that_cannot_be_made_leaves_no_account_behind()
    {
        await host.Meter.OpenAccountAsync(new("test:taken"), new() { Plan = "starter" });
        var late = await admin.PostAsync("/admin/v1/accounts", """{"id": "acme", "plan": "starter", "key": {"name": "a", "expiresAt": "2020-01-01T00:00:00Z"}}""", "key-1");
        Assert.Equal((400, "key.expiresAt"), (late.Status, late.Field));
        var taken = await admin.PostAsync("/admin/v1/accounts", """{"id": "taken", "plan": "starter", "key": {"name": "a", "sandbox": true}}""", "key-2");
        Assert.Equal((409, "sandbox_id_taken"), (taken.Status, taken.Code));
        Assert.False((await host.Meter.GetBalanceAsync(new("acme"))).IsSuccess);
        Assert.False((await host.Meter.GetBalanceAsync(new("taken"))).IsSuccess);
        Assert.Equal(201, (await admin.PostAsync("/admin/v1/accounts", """{"id": "free", "plan": "starter", "key": {"name": "a", "sandbox": true}}""", "key-3")).Status);
    }

    [Fact]
    public async Task A_payment_is_noted_once_for_a_key()
    {
        var account = (await host.OpenAsync(paidThrough: GatewayHost.Start.AddDays(1))).Account;
        const string Body = """{"paidThrough": "2026-09-01T00:00:00Z", "externalReference": "invoice-1"}""";
        var first = await admin.PostAsync($"/admin/v1/accounts/{account}/payments", Body, "key-1");
        var replay = await admin.PostAsync($"/admin/v1/accounts/{account}/payments", Body, "key-1");
        Assert.Equal((200, 200, first.Body, true), (first.Status, replay.Status, replay.Body, replay.IsReplay));
        var other = await admin.PostAsync($"/admin/v1/accounts/{account}/payments", """{"paidThrough": "2026-09-01T00:00:00Z", "externalReference": "invoice-2"}""", "key-1");
        Assert.Equal((422, "idempotency_key_reused"), (other.Status, other.Code));
    }

    [Fact]
    public async Task Requests_with_one_key_at_once_make_one_account()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => admin.PostAsync("/admin/v1/accounts", """{"plan": "starter"}""", "key-1")));
        Assert.All(made, answer => Assert.Equal(201, answer.Status));
        Assert.Equal(7, made.Count(answer => answer.IsReplay));
        Assert.Single(made.Select(answer => answer.Json.GetProperty("account").GetProperty("id").GetString()).Distinct());
        Assert.Single(await AuditAsync());
    }

    [Fact]
    public async Task Accounts_are_found_page_by_page()
    {
        foreach (var (id, email, company) in new[] { ("a1", "ann@a.example", "Acme"), ("a2", "bob@a.example", "Bolt"), ("b1", "ann@b.example", "Acme West") })
        {
            await admin.PostAsync("/admin/v1/accounts", $$"""{"id": "{{id}}", "email": "{{email}}", "companyName": "{{company}}", "plan": "starter"}""");
        }

        Assert.Equal(["a1", "a2"], await FoundAsync("?id=a"));
        Assert.Equal(["a1", "b1"], await FoundAsync("?email=ANN"));
        Assert.Equal(["a1", "b1"], await FoundAsync("?company=acme"));
        var page = (await admin.GetAsync("/admin/v1/accounts?limit=2")).Json;
        Assert.Equal("a2", page.GetProperty("nextCursor").GetString());
        Assert.Equal(["b1"], await FoundAsync("?limit=2&cursor=a2"));
        foreach (var wrong in new[] { "?limit=0", "?limit=101", "?cursor=%20", "?email=", "?company=a&company=b", "?id=%00" })
        {
            Assert.Equal(400, (await admin.GetAsync("/admin/v1/accounts" + wrong)).Status);
        }

        async Task<string[]> FoundAsync(string query) => [.. (await admin.GetAsync("/admin/v1/accounts" + query)).Json
            .GetProperty("accounts").EnumerateArray().Select(account => account.GetProperty("id").GetString()!)];
    }

    [Fact]
    public async Task Unknown_accounts_are_404_everywhere()
    {
        foreach (var (method, path, body) in new (string, string, string?)[]
        {
            ("GET", "", null), ("POST", "/erase", null), ("GET", "/keys", null), ("POST", "/keys", """{"name": "a"}"""), ("DELETE", "/keys/key_1", null),
            ("POST", "/grants", """{"source": "bonus", "amount": 1}"""), ("POST", "/adjustments", """{"amount": 1, "reason": "a"}"""),
            ("POST", "/payments", """{"paidThrough": "2027-01-01T00:00:00Z", "externalReference": "a"}"""),
            ("POST", "/cancel", null), ("POST", "/resume", null), ("GET", "/transactions", null),
        })
        {
            var content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
            Assert.Equal(404, (await admin.SendAsync(new(method), "/admin/v1/accounts/nobody" + path, content)).Status);
            Assert.Equal(400, (await admin.SendAsync(new(method), "/admin/v1/accounts/a%20b" + path)).Status);
        }
    }

    [Fact]
    public async Task Grants_adjustments_and_payments_take_effect_once_for_a_key()
    {
        var account = (await host.OpenAsync(paidThrough: GatewayHost.Start.AddDays(1))).Account;
        var grant = await GrantAsync("""{"source": "top_up", "amount": 50.5, "externalReference": "ticket-1"}""", "key-1");
        Assert.Equal((200, "TOP_UP", 150.5m), (grant.Status, grant.Json.GetProperty("type").GetString(), grant.Json.GetProperty("credits").GetDecimal()));
        var replay = await GrantAsync("""{"source": "top_up", "amount": 50.5, "externalReference": "ticket-1"}""", "key-1");
        Assert.Equal((200, grant.Body, true), (replay.Status, replay.Body, replay.IsReplay));
        Assert.Equal((422, "idempotency_key_reused"), Of(await GrantAsync("""{"source": "top_up", "amount": 50}""", "key-1")));
        Assert.Equal((409, "reference_used"), Of(await GrantAsync("""{"source": "bonus", "amount": 1, "externalReference": "ticket-1"}""", null)));

        var adjusted = await admin.PostAsync($"/admin/v1/accounts/{account}/adjustments", """{"amount": -0.5, "reason": "Charged twice"}""", "key-2");
        Assert.Equal((200, -0.5m, "ADJUSTMENT"), (adjusted.Status, adjusted.Json.GetProperty("amount").GetDecimal(), adjusted.Json.GetProperty("type").GetString()));
        Assert.Equal((402, "insufficient_credits"), Of(await admin.PostAsync($"/admin/v1/accounts/{account}/adjustments", """{"amount": -1000, "reason": "x"}""")));

        var paid = await admin.PostAsync($"/admin/v1/accounts/{account}/payments", """{"paidThrough": "2026-09-01T00:00:00Z", "externalReference": "invoice-1"}""");
        Assert.Equal((200, "2026-09-01T00:00:00.000Z"), (paid.Status, paid.Json.GetProperty("paidThrough").GetString()));
        Assert.Equal((409, "reference_used"), Of(await admin.PostAsync($"/admin/v1/accounts/{account}/payments", """{"paidThrough": "2026-10-01T00:00:00Z", "externalReference": "invoice-1"}""")));

        Task<Answer> GrantAsync(string json, string? key) => admin.PostAsync($"/admin/v1/accounts/{account}/grants", json, key);
        static (int, string?) Of(Answer answer) => (answer.Status, answer.Code);
    }

    [Theory]
    [InlineData("grants", """{"source": "gift", "amount": 1}""", "source")]
    [InlineData("grants", """{"source": "coupon", "amount": 1}""", "source")]
    [InlineData("grants", """{"source": "bonus"}""", "amount")]
    [InlineData("grants", """{"source": "bonus", "amount": 0}""", "amount")]
    [InlineData("grants", """{"source": "bonus", "amount": 1, "expiresAt": "2020-01-01T00:00:00Z"}""", "expiresAt")]
    [InlineData("grants", """{"source": "bonus", "amount": 1, "expiresAt": "soon"}""", "expiresAt")]
    [InlineData("grants", """{"source": "bonus", "amount": 1, "who": "me"}""", "who")]
    [InlineData("adjustments", """{"amount": 0, "reason": "a"}""", "amount")]
    [InlineData("adjustments", """{"amount": 1}""", "reason")]
    [InlineData("adjustments", """{"reason": "a"}""", "amount")]
    [InlineData("payments", """{"externalReference": "a"}""", "paidThrough")]
    [InlineData("payments", """{"paidThrough": "2027-01-01T00:00:00Z"}""", "externalReference")]
    public async Task Malformed_postings_name_their_field(string route, string json, string field)
    {
        var account = (await host.OpenAsync()).Account;
        var answer = await admin.PostAsync($"/admin/v1/accounts/{account}/{route}", json);
        Assert.Equal((400, field), (answer.Status, answer.Field));
    }

    [Fact]
    public async Task An_operators_key_is_never_taken_for_one_of_the_accounts_own()
    {
        var caller = await host.OpenAsync();
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""", "key-1");
        var answer = await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/grants", """{"source": "bonus", "amount": 1}""", "key-1");
        Assert.Equal((200, false), (answer.Status, answer.IsReplay));

        var taken = await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""", AdminDesk.LedgerKey("key-2"));
        Assert.Equal((400, "Idempotency-Key"), (taken.Status, taken.Field));
        Assert.Equal(200, (await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/grants", """{"source": "bonus", "amount": 1}""", "admin:1")).Status);
    }

    [Fact]
    public async Task Every_action_is_logged_with_who_what_and_outcome_and_without_secrets_or_personal_texts()
    {
        await admin.PostAsync("/admin/v1/accounts", """{"id": "acme", "email": "ann@acme.example", "firstName": "Ann", "plan": "starter", "key": {"name": "Ann's key"}}""");
        await admin.PostAsync("/admin/v1/accounts/acme/adjustments", """{"amount": -1000, "reason": "Ann asked for it"}""");
        await admin.PostAsync("/admin/v1/accounts/acme/grants", """{"source": "bonus", "amount": 2.5, "description": "For Ann"}""");
        await admin.PostAsync("/admin/v1/accounts/acme/keys", """{"name": "Ann's other key", "scopes": ["read"]}""");
        var key = (await admin.GetAsync("/admin/v1/accounts/acme/keys")).Json.GetProperty("keys")[1].GetProperty("id").GetString();
        await admin.SendAsync(HttpMethod.Delete, $"/admin/v1/accounts/acme/keys/{key}");
        await admin.PostAsync("/admin/v1/coupons", """{"code": "A", "amount": 1}""");
        await admin.SendAsync(HttpMethod.Patch, "/admin/v1/coupons/A", new StringContent("""{"active": false}""", Encoding.UTF8, "application/json"));
        await admin.PostAsync("/admin/v1/accounts/acme/erase");

        var entries = await AuditAsync();
        Assert.Equal(
            ["account.erase", "coupon.change", "coupon.create", "key.revoke", "key.create", "account.grant", "account.adjust", "account.create"],
            entries.Select(entry => entry.Action.Action));
        Assert.Equal([200, 200, 201, 200, 201, 200, 402, 201], entries.Select(entry => entry.Outcome!.Status));
        Assert.Equal("insufficient_credits", entries[6].Outcome!.Code);
        Assert.All(entries, entry =>
        {
            Assert.Equal((admin.Key.Stored.Id, "operator"), (entry.Action.KeyId, entry.Action.Actor.Value));
            Assert.StartsWith("req_", entry.Action.RequestId, StringComparison.Ordinal);
            Assert.DoesNotContain("nn", entry.Action.Summary, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("mtr_", entry.Action.Summary, StringComparison.Ordinal);
        });

        var listed = (await admin.GetAsync("/admin/v1/audit?account=acme&action=account.grant")).Json.GetProperty("entries")[0];
        Assert.Equal("""{"source":"bonus","amount":"2.5","expiresAt":null}""", listed.GetProperty("request").GetRawText());
        var page = (await admin.GetAsync("/admin/v1/audit?actor=operator&limit=3")).Json;
        var next = (await admin.GetAsync($"/admin/v1/audit?limit=3&cursor={page.GetProperty("nextCursor").GetString()}")).Json.GetProperty("entries");
        Assert.Equal("key.revoke", next[0].GetProperty("action").GetString());
        Assert.Empty((await admin.GetAsync("/admin/v1/audit?actor=acme")).Json.GetProperty("entries").EnumerateArray());
        Assert.Equal(400, (await admin.GetAsync("/admin/v1/audit?cursor=x")).Status);
    }

    [Fact]
    public async Task What_cannot_be_logged_is_not_done()
    {
        await using var silent = await GatewayHost.StartAsync(services => services.AddSingleton<IAuditLog, SilentLog>());
        var operatorKey = await silent.AddKeyAsync(new("operator"), ApiKeyScopes.Admin);
        var account = (await silent.OpenAsync()).Account;
        var answer = await operatorKey.PostAsync($"/admin/v1/accounts/{account}/grants", """{"source": "bonus", "amount": 1}""");
        Assert.Equal(503, answer.Status);
        Assert.Equal(Credits.Zero, (await silent.Meter.GetBalanceAsync(account)).Value.Bonus);
    }

    [Fact]
    public async Task An_action_whose_outcome_cannot_be_logged_stands_as_begun_and_is_answered()
    {
        var log = new ForgetfulLog();
        await using var forgetful = await GatewayHost.StartAsync(services => services.AddSingleton<IAuditLog>(log));
        var operatorKey = await forgetful.AddKeyAsync(new("operator"), ApiKeyScopes.Admin);
        var account = (await forgetful.OpenAsync()).Account;
        Assert.Equal(200, (await operatorKey.PostAsync($"/admin/v1/accounts/{account}/grants", """{"source": "bonus", "amount": 1}""")).Status);
        Assert.Equal("account.grant", Assert.Single(log.Begun).Action);
    }

    [Fact]
    public async Task Keys_are_listed_and_revoked_and_their_secret_is_shown_once()
    {
        var caller = await host.OpenAsync();
        var made = await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/keys", """{"name": "Second", "scopes": ["read", "spend"]}""");
        Assert.Equal(201, made.Status);
        var key = made.Json.GetProperty("key").GetString()!;
        Assert.Equal(200, await StatusAsync(key));
        var listed = (await admin.GetAsync($"/admin/v1/accounts/{caller.Account}/keys")).Body;
        Assert.Contains("\"name\":\"Second\"", listed, StringComparison.Ordinal);
        Assert.DoesNotContain(key, listed, StringComparison.Ordinal);

        var id = made.Json.GetProperty("id").GetString();
        Assert.Equal(200, (await admin.SendAsync(HttpMethod.Delete, $"/admin/v1/accounts/{caller.Account}/keys/{id}")).Status);
        Assert.Equal(401, await StatusAsync(key));
        var unknown = await admin.SendAsync(HttpMethod.Delete, $"/admin/v1/accounts/{caller.Account}/keys/key_none");
        Assert.Equal((404, "key_unknown"), (unknown.Status, unknown.Code));
        Assert.Equal((400, "expiresAt"), await FieldAsync("""{"name": "a", "expiresAt": "2020-01-01T00:00:00Z"}"""));
        Assert.Equal((400, "name"), await FieldAsync($$"""{"name": "{{new string('a', 101)}}"}"""));
        Assert.Equal((400, "scopes"), await FieldAsync("""{"name": "a", "scopes": []}"""));

        async Task<(int, string?)> FieldAsync(string json) => await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/keys", json) is var answer ? (answer.Status, answer.Field) : default;
    }

    [Fact]
    public async Task A_test_key_spends_from_a_pool_of_its_own_that_is_never_billed()
    {
        var caller = await host.OpenAsync(bonus: 5, paidThrough: GatewayHost.Start.AddDays(1));
        var made = await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/keys", """{"name": "Test", "sandbox": true}""");
        Assert.Equal(201, made.Status);
        var key = made.Json.GetProperty("key").GetString()!;
        Assert.StartsWith("mtr_test_", key, StringComparison.Ordinal);
        Assert.Equal($"test:{caller.Account}", made.Json.GetProperty("account").GetString());

        var before = await host.Meter.GetBalanceAsync(caller.Account);
        Assert.Equal(88, (await SpendAsync(12)).Json.GetProperty("credits").GetDecimal());
        Assert.Equal(before.Value, (await host.Meter.GetBalanceAsync(caller.Account)).Value);
        host.Clock.Advance(TimeSpan.FromDays(40)); // The account's own period is unpaid by now; the twin's are not billed.
        Assert.Equal(402, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);
        Assert.Equal(99, (await SpendAsync(1)).Json.GetProperty("credits").GetDecimal());

        var second = await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/keys", """{"name": "Test 2", "sandbox": true}""");
        Assert.Equal(made.Json.GetProperty("account").GetString(), second.Json.GetProperty("account").GetString());
        var keys = (await admin.GetAsync($"/admin/v1/accounts/{caller.Account}/keys")).Json.GetProperty("keys").EnumerateArray().ToArray();
        Assert.Equal([false, true, true], keys.Select(one => one.GetProperty("sandbox").GetBoolean()));
        Assert.Equal($"test:{caller.Account}", (await admin.GetAsync($"/admin/v1/accounts/{caller.Account}")).Json.GetProperty("sandbox").GetString());
        Assert.Equal(200, (await admin.SendAsync(HttpMethod.Delete, $"/admin/v1/accounts/{caller.Account}/keys/{keys[1].GetProperty("id").GetString()}")).Status);
        Assert.Equal(401, await StatusAsync(key));

        async Task<Answer> SpendAsync(int amount)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/credits/deduct")
            {
                Headers = { { "X-API-Key", key } },
                Content = new StringContent($$"""{"amount": {{amount}}}""", Encoding.UTF8, "application/json"),
            };
            return await Answer.OfAsync(host.Client, request);
        }
    }

    [Fact]
    public async Task A_sandbox_has_no_sandbox_takes_nobodys_account_and_redeems_no_coupon()
    {
        var caller = await host.OpenAsync();
        var made = (await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/keys", """{"name": "Test", "sandbox": true}""")).Json;
        var nested = await admin.PostAsync($"/admin/v1/accounts/{made.GetProperty("account").GetString()}/keys", """{"name": "Test", "sandbox": true}""");
        Assert.Equal((409, "is_sandbox"), (nested.Status, nested.Code));

        var other = await host.OpenAsync();
        await host.Meter.OpenAccountAsync(new($"test:{other.Account}"), new() { Plan = "starter" });
        var taken = await admin.PostAsync($"/admin/v1/accounts/{other.Account}/keys", """{"name": "Test", "sandbox": true}""");
        Assert.Equal((409, "sandbox_id_taken"), (taken.Status, taken.Code));

        await admin.PostAsync("/admin/v1/coupons", """{"code": "FREE", "amount": 1, "maxRedemptions": 1}""");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/coupons/redeem")
        {
            Headers = { { "X-API-Key", made.GetProperty("key").GetString() } },
            Content = new StringContent("""{"code": "FREE"}""", Encoding.UTF8, "application/json"),
        };
        var redeemed = await Answer.OfAsync(host.Client, request);
        Assert.Equal((403, "sandbox_key"), (redeemed.Status, redeemed.Code));
        Assert.Equal(0, (await admin.GetAsync("/admin/v1/coupons/FREE")).Json.GetProperty("redeemed").GetInt32());
    }

    [Fact]
    public async Task A_key_asked_for_by_the_sandboxs_own_id_is_a_sandbox_key()
    {
        var caller = await host.OpenAsync();
        var twin = (await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/keys", """{"name": "Test", "sandbox": true}""")).Json.GetProperty("account").GetString();
        var made = await admin.PostAsync($"/admin/v1/accounts/{twin}/keys", """{"name": "Test 2"}""");
        Assert.Equal((201, true), (made.Status, made.Json.GetProperty("sandbox").GetBoolean()));
        Assert.StartsWith("mtr_test_", made.Json.GetProperty("key").GetString(), StringComparison.Ordinal);
        var refused = await admin.PostAsync($"/admin/v1/accounts/{twin}/keys", """{"name": "Test 3", "scopes": ["admin"]}""");
        Assert.Equal((400, "scopes"), (refused.Status, refused.Field));
        var keys = (await admin.GetAsync($"/admin/v1/accounts/{twin}/keys")).Json.GetProperty("keys").EnumerateArray().ToArray();
        Assert.Equal([true, true], keys.Select(key => key.GetProperty("sandbox").GetBoolean()));
    }

    [Fact]
    public async Task A_sandbox_of_the_longest_id_has_an_id_as_well()
    {
        var id = new string('x', AccountId.MaxLength);
        await host.Meter.OpenAccountAsync(new(id), new() { Plan = "starter" });
        var made = await admin.PostAsync($"/admin/v1/accounts/{id}/keys", """{"name": "Test", "sandbox": true}""");
        Assert.Equal(201, made.Status);
        Assert.Equal(5 + 64, made.Json.GetProperty("account").GetString()!.Length);
    }

    [Fact]
    public async Task A_coupon_is_made_changed_and_deactivated_never_deleted()
    {
        var made = await admin.PostAsync("/admin/v1/coupons", """{"code": "spring", "amount": 25, "bonusDays": 30, "maxRedemptions": 2, "plans": ["starter"]}""", "key-1");
        Assert.Equal(201, made.Status);
        Assert.True((await admin.PostAsync("/admin/v1/coupons", """{"code": "spring", "amount": 25, "bonusDays": 30, "maxRedemptions": 2, "plans": ["starter"]}""", "key-1")).IsReplay);
        Assert.Equal((409, "coupon_exists"), Of(await admin.PostAsync("/admin/v1/coupons", """{"code": "SPRING", "amount": 1}""")));
        var caller = await host.OpenAsync();
        Assert.Equal(200, (await caller.PostAsync("/v1/coupons/redeem", """{"code": "SPRING"}""")).Status);

        Assert.Equal((409, "limit_below_redemptions"), Of(await ChangeAsync("""{"maxRedemptions": 0}""")));
        Assert.Equal(1, (await ChangeAsync("""{"maxRedemptions": 1}""")).Json.GetProperty("maxRedemptions").GetInt32());
        var ended = await ChangeAsync("""{"active": false}""");
        Assert.Equal((false, 1), (ended.Json.GetProperty("active").GetBoolean(), ended.Json.GetProperty("maxRedemptions").GetInt32()));
        Assert.Equal(ended.Body, (await admin.GetAsync("/admin/v1/coupons/spring")).Body);
        Assert.True((await ChangeAsync("""{"active": true}""")).Json.GetProperty("active").GetBoolean());
        Assert.Equal(405, (await admin.SendAsync(HttpMethod.Delete, "/admin/v1/coupons/SPRING")).Status);
        var redemption = (await admin.GetAsync("/admin/v1/coupons/SPRING/redemptions")).Json.GetProperty("redemptions")[0];
        Assert.Equal((caller.Account.Value, 25), (redemption.GetProperty("account").GetString(), redemption.GetProperty("amount").GetInt32()));
        Assert.Equal((404, "coupon_unknown"), Of(await admin.GetAsync("/admin/v1/coupons/none")));
        Assert.Single((await admin.GetAsync("/admin/v1/coupons?limit=5")).Json.GetProperty("coupons").EnumerateArray());

        Task<Answer> ChangeAsync(string json) => admin.SendAsync(HttpMethod.Patch, "/admin/v1/coupons/spring", new StringContent(json, Encoding.UTF8, "application/json"));
        static (int, string?) Of(Answer answer) => (answer.Status, answer.Code);
    }

    [Theory]
    [InlineData("""{"amount": 1}""", "code")]
    [InlineData("""{"code": "a b", "amount": 1}""", "code")]
    [InlineData("""{"code": "A"}""", "amount")]
    [InlineData("""{"code": "A", "amount": -1}""", "amount")]
    [InlineData("""{"code": "A", "amount": 1, "expiresAt": "2020-01-01T00:00:00Z"}""", "expiresAt")]
    [InlineData("""{"code": "A", "amount": 1, "bonusDays": 0}""", "bonusDays")]
    [InlineData("""{"code": "A", "amount": 1, "bonusDays": 3651}""", "bonusDays")]
    [InlineData("""{"code": "A", "amount": 1, "bonusDays": 3, "bonusExpiresAt": "2027-01-01T00:00:00Z"}""", "bonusExpiresAt")]
    [InlineData("""{"code": "A", "amount": 1, "maxRedemptions": -1}""", "maxRedemptions")]
    [InlineData("""{"code": "A", "amount": 1, "plans": ["none"]}""", "plans")]
    [InlineData("""{"code": "A", "amount": 1, "plans": [null]}""", "plans")]
    [InlineData("""{"code": "A", "amount": 1, "max": 1}""", "max")]
    public async Task Malformed_coupons_name_their_field(string json, string field)
    {
        var answer = await admin.PostAsync("/admin/v1/coupons", json);
        Assert.Equal((400, field), (answer.Status, answer.Field));
    }

    [Fact]
    public async Task An_erased_profile_is_gone_and_the_ledger_stands()
    {
        const string Body = """{"id": "acme", "email": "ann@acme.example", "firstName": "Ann", "companyName": "Acme", "plan": "starter"}""";
        await admin.PostAsync("/admin/v1/accounts", Body, "key-1");
        await admin.PostAsync("/admin/v1/accounts/acme/grants", """{"source": "bonus", "amount": 1, "description": "For Ann"}""");
        var erased = await admin.PostAsync("/admin/v1/accounts/acme/erase");
        Assert.Equal((200, true), (erased.Status, erased.Json.GetProperty("profileErased").GetBoolean()));
        Assert.True(erased.Json.GetProperty("entriesErased").GetInt64() > 0);
        Assert.All((await host.Meter.ListTransactionsAsync(new("acme"), new())).Value.Items, transaction => Assert.Empty(transaction.Description));
        Assert.DoesNotContain("Ann", (await admin.PostAsync("/admin/v1/accounts", Body, "key-1")).Body, StringComparison.Ordinal);
        var account = (await admin.GetAsync("/admin/v1/accounts/acme")).Json;
        Assert.Equal(("", null, null), (account.GetProperty("email").GetString(), account.GetProperty("firstName").GetString(), account.GetProperty("companyName").GetString()));
        Assert.Equal(101, account.GetProperty("balance").GetProperty("available").GetInt32());
        Assert.Empty((await admin.GetAsync("/admin/v1/accounts?email=ann")).Json.GetProperty("accounts").EnumerateArray());
    }

    [Fact]
    public async Task Erasing_takes_the_sandboxs_texts_the_names_of_keys_and_the_keywords_along()
    {
        var account = (await host.OpenAsync()).Account;
        var twin = (await admin.PostAsync($"/admin/v1/accounts/{account}/keys", """{"name": "Ann's test", "sandbox": true}""")).Json.GetProperty("account").GetString()!;
        await host.Directory.TryAddProfileAsync(new() { Account = new(twin), Email = "ann@acme.example", CreatedAt = GatewayHost.Start });
        await admin.PostAsync($"/admin/v1/accounts/{twin}/grants", """{"source": "bonus", "amount": 1, "description": "For Ann"}""");
        var book = host.Services.GetRequiredService<AccountSettingsBook>();
        await book.KeepKeywordsAsync(account, ["ann's bakery"], default);

        var erased = await admin.PostAsync($"/admin/v1/accounts/{account}/erase");
        Assert.Equal((200, twin), (erased.Status, erased.Json.GetProperty("sandbox").GetString()));
        Assert.Contains("payments", erased.Json.GetProperty("stays").GetString(), StringComparison.Ordinal);
        Assert.All((await host.Meter.ListTransactionsAsync(new(twin), new())).Value.Items, transaction => Assert.Empty(transaction.Description));
        Assert.Empty((await host.Directory.FindProfileAsync(new(twin)))!.Email);
        Assert.Equal("erased", Assert.Single(await host.Directory.ListKeysAsync(new(twin))).Name);
        Assert.Equal("erased", Assert.Single(await host.Directory.ListKeysAsync(account)).Name);
        Assert.Empty((await book.FindAsync(account, default)).Keywords);
    }

    [Fact]
    public async Task A_changed_plan_is_a_new_version_and_an_old_subscriber_keeps_the_old_allotment()
    {
        var folder = Directory.CreateTempSubdirectory("metering-plans-");
        var settings = new Dictionary<string, string?> { ["Metering:Store"] = "sqlite", ["Metering:Data"] = folder.FullName };
        try
        {
            await using (var first = await GatewayHost.StartOnAsync(settings))
            {
                Assert.Equal(201, (await (await OperatorOfAsync(first)).PostAsync("/admin/v1/accounts", """{"id": "old", "plan": "starter"}""")).Status);
            }

            settings["Metering:Plans:starter:MonthlyCredits"] = "150";
            await using var second = await GatewayHost.StartOnAsync(settings);
            second.Clock.Advance(TimeSpan.FromDays(40));
            var caller = await OperatorOfAsync(second);
            await caller.PostAsync("/admin/v1/accounts", """{"id": "new", "plan": "starter"}""");
            Assert.Equal((1, 100m, 100m), await TermsAsync("old"));
            Assert.Equal((2, 150m, 150m), await TermsAsync("new"));
            var versions = (await caller.GetAsync("/admin/v1/plans/starter/versions")).Json.GetProperty("versions");
            Assert.Equal([(2, 150), (1, 100)], versions.EnumerateArray().Select(version => (version.GetProperty("version").GetInt32(), version.GetProperty("monthlyCredits").GetInt32())));
            Assert.Contains((await caller.GetAsync("/admin/v1/plans")).Json.GetProperty("plans").EnumerateArray(), plan => plan.GetProperty("plan").GetString() == "starter" && plan.GetProperty("version").GetInt32() == 2);
            Assert.Equal(404, (await caller.GetAsync("/admin/v1/plans/nothing/versions")).Status);

            async Task<(int, decimal, decimal)> TermsAsync(string id)
            {
                var account = (await caller.GetAsync($"/admin/v1/accounts/{id}")).Json;
                var terms = account.GetProperty("terms");
                return (terms.GetProperty("planVersion").GetInt32(), terms.GetProperty("monthlyCredits").GetDecimal(), account.GetProperty("balance").GetProperty("monthly").GetDecimal());
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        static Task<TestCaller> OperatorOfAsync(GatewayHost host) => host.AddKeyAsync(new("operator"), ApiKeyScopes.Admin);
    }

    private async Task<IReadOnlyList<AuditEntry>> AuditAsync() => await host.Services.GetRequiredService<IAuditLog>().ListAsync(new());

    private async Task<int> StatusAsync(string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/credits") { Headers = { { "X-API-Key", key } } };
        return (await Answer.OfAsync(host.Client, request)).Status;
    }

    /// <summary>No sandboxes; a read that fails while the store is away.</summary>
    private sealed class FailingSandboxes : ISandboxStore
    {
        public bool IsAway { get; set; }

        public ValueTask<AccountId?> AddAsync(AccountId account, AccountId twin, DateTimeOffset now, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<AccountId?> FindTwinAsync(AccountId account, CancellationToken cancellationToken = default) =>
            IsAway ? throw new LedgerUnavailableException("The disk is away.") : new((AccountId?)null);

        public ValueTask<AccountId?> FindOwnerAsync(AccountId twin, CancellationToken cancellationToken = default) => new((AccountId?)null);
    }

    private sealed class SilentLog : IAuditLog
    {
        public ValueTask<long> BeginAsync(AuditAction action, CancellationToken cancellationToken = default) => throw new LedgerUnavailableException("Silent.");

        public ValueTask CompleteAsync(long number, AuditOutcome outcome, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<AuditEntry>> ListAsync(AuditQuery query, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }

    private sealed class ForgetfulLog : IAuditLog
    {
        public List<AuditAction> Begun { get; } = [];

        public ValueTask<long> BeginAsync(AuditAction action, CancellationToken cancellationToken = default)
        {
            Begun.Add(action);
            return new(Begun.Count);
        }

        public ValueTask CompleteAsync(long number, AuditOutcome outcome, CancellationToken cancellationToken = default) => throw new LedgerUnavailableException("Forgetful.");

        public ValueTask<IReadOnlyList<AuditEntry>> ListAsync(AuditQuery query, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}
