"""Commands as Jobs, entrypoints and probes have them, by what they do to a schema."""

MIGRATES = """\
alembic -c prod.ini upgrade head
/venv/bin/alembic upgrade head
python -m alembic upgrade head
flask db upgrade
flask --app shop db upgrade --directory migrations
python manage.py migrate --noinput
python3.12 /app/manage.py migrate
./manage.py migrate_schemas --shared
django-admin migrate
aerich upgrade
piccolo migrations forwards all
yoyo apply --batch --database $URL ./migrations
php artisan migrate --force
php /var/www/artisan migrate
vendor/bin/phinx migrate -e production
php bin/console doctrine:migrations:migrate --no-interaction
vendor/bin/doctrine-migrations migrations:migrate
bin/magento setup:upgrade
php yii migrate/up --interactive=0
bin/cake migrations migrate
node ace migration:run --force
doctrine-migrations migrate
java -jar /opt/liquibase.jar update
server --migrate
server --migrate true
server --migrate --cache none
server --cache none --migrate
server --cache=off --migrate
server --migrate=true none
dotnet Shop.dll --migrate=true
/app/shop serve --run-migrations
shop -auto-migrate
shop --migrate-on-startup serve
bundle exec rake db:create db:migrate
server --mode=migrate
shop serve --task=db:migrate
npm run migrate-prod
./migrate --direction=up
sh /scripts/migration-runner.sh
java -jar /app/migration.jar migrate --url jdbc:x
yarn migrate:up
drush updatedb -y
wp core update-db
refinery migrate -c r.toml
tern migrate
soda migrate -e production
kysely migrate latest
kysely migrate:latest
node-pg-migrate up
graphile-migrate migrate
reshape migration start --complete
hasura migrate apply --all-databases
supabase db push
sentry upgrade --noinput
spicedb datastore migrate head
temporal-sql-tool --db temporal update-schema -d ./schema
rails db:migrate
bundle exec rake db:migrate RAILS_ENV=production
bin/rails db:prepare
gitlab-rake db:migrate
mix ecto.migrate
bin/app eval App.Release.migrate
bin/app eval App.Release.migrate()
/app/bin/app rpc Elixir.App.ReleaseTasks.migrate
flyway -url=jdbc:x migrate
liquibase --changelog-file=a.xml update
mvn -B flyway:migrate
./gradlew flywayMigrate
mvn org.flywaydb:flyway-maven-plugin:10.0.0:migrate
dotnet ef database update
dotnet-ef database update --connection $DSN
./efbundle --connection $DSN
efbundle.exe
sqlx migrate run
cargo sqlx migrate run
sqlx --database-url $DSN migrate run
diesel migration run
sea-orm-cli migrate
sea-orm-cli migrate up
goose -dir sql postgres $DSN up
go run github.com/pressly/goose/v3/cmd/goose@latest up
migrate -path /sql -database $DSN up
dbmate --url $DSN up
sql-migrate up -env=production
atlas migrate apply --url $DSN
sqitch deploy db:pg:shop
pgroll start 1.yaml
pgroll --postgres-url $DSN migrate sql
skeema push production
bytebase-action rollout
gh-ost --table=a --alter=x --execute
pt-online-schema-change --alter x D=shop,t=a --execute
npx prisma migrate deploy
npx --yes prisma@5.1.0 migrate deploy --schema=a.prisma
pnpm exec prisma db push
node node_modules/.bin/prisma migrate deploy
npx knex migrate:latest --env production
npx sequelize-cli db:migrate
sequelize db:migrate
typeorm migration:run -d dist/source.js
yarn typeorm migration:run
drizzle-kit migrate
npx mikro-orm migration:up
npm run migrate
npm run --silent db:migrate
npm run migrate:prod
npm run migration:run
yarn migrate
yarn workspace api migrate
yarn run prisma:migrate
pnpm migrate
pnpm --filter api migrate
pnpm -r run db:migrate
bun run migrate
make migrate
make -C api db-migrate
composer migrate
python -m shop.db.migrate
python scripts/run_migrations.py
node dist/migrate.js
node dist/runMigrations.js
java -jar app.jar db migrate
./migrate.sh
/app/bin/migrate
bin/db-migrate.sh --verbose
superset db upgrade
airflow db migrate
/app/server migrate
openfga migrate --datastore-engine postgres
kratos migrate sql -e --yes
server --config=/etc/a.yaml migrate
kong migrations up
env A=1 B=2 alembic upgrade head
timeout 600 alembic upgrade head
exec alembic upgrade head
poetry run alembic upgrade head
uv run --no-dev alembic upgrade head
uv run python manage.py migrate
pipenv run flask db upgrade
tini -- alembic upgrade head
/docker-entrypoint.sh alembic upgrade head
/docker-entrypoint.sh server migrate
launcher rake db:migrate
./wait-for-it.sh db:5432 -t 30 -- alembic upgrade head
./wait-for-it.sh db:5432 -- /app/server migrate
./migrations.sh
bin/migrations
python -m shop.migrations
node dist/migrations.js
npm run migrations
make db-migrations
shop migrations run
shop migrations --config a.yaml up
shop db-migrations apply
shop migration:run
shop run-migrations
drainproxy rehearse -- alembic upgrade head
kubectl exec deploy/web -- alembic upgrade head
until alembic upgrade head
bin/rails db:migrate:primary
bin/rails db:migrate:with_data
migrate -path a up --dry-run=false
""".splitlines()

DOES_NOT = """\
python manage.py runserver
python manage.py migrate --plan
python manage.py migrate --check
python manage.py makemigrations
python manage.py showmigrations
upgrade alembic
pip install alembic upgrade
python -m pip install alembic upgrade
npm install prisma migrate deploy
npm install -g knex migrate:latest
go install github.com/pressly/goose/v3/cmd/goose@latest up
alembic current
alembic revision --autogenerate
alembic upgrade head --sql
alembic-utils upgrade
flask run
flask db current
flask db migrate
flask db-upgrade
php artisan serve
php artisan migrate:status
php artisan migrate --pretend
php artisan make:migration upgrade
php artisan queue:work
php bin/console doctrine:migrations:status
php bin/console cache:clear
phinx status
dotnet App.dll
dotnet ef migrations script
dotnet ef migrations bundle
dotnet ef dbcontext info
mix phx.server
mix ecto.gen.migration
bin/app start
bin/app eval App.Release.seed
bin/app eval App.Migrations.count
sqlx migrate info
sqlx prepare
diesel print-schema
diesel migration list
npm run start
npm run migrate:down
npm run migrate:status
npm run migration:generate
npm run migrate-users-report
npm run lint migrate
npm test migrate
yarn migrate:create
yarn test
prisma generate
npx prisma generate
prisma validate
prisma migrate status
prisma migrate diff
prisma studio
npx knex migrate:make add
npx knex seed:run
sequelize db:migrate:status
sequelize migration:generate
typeorm migration:generate
typeorm migration:show
drizzle-kit generate
rails server
rails db:migrate:status
rake routes
flyway info
flyway validate
liquibase status
liquibase update-sql
goose status
goose create up_to_date sql
dbmate wait
atlas migrate lint
atlas migrate diff
migrate -path /sql version
migrate create -ext sql up_two
sqitch status
sqitch verify
pgroll status
skeema diff
skeema lint
gh-ost --alter=x --table=a
pt-online-schema-change --alter x --dry-run D=shop
bytebase --port 8080
aerich history
piccolo migrations check
yoyo list
python -m shop.migrate status
/app/bin/migrate status
/app/bin/migrate down
./migrate-users-report
./migrate-users-report.sh
python migrate_users_report.py
./wait-for-migrations.sh
./check-migrations.sh
server --mode migrate serve
server serve
server --migrate=false
server --migrate=False
server --migrate=none
server --migrate=skip
server --migrate=disabled
server --migrate false
server --migrate FALSE serve
server --migrate none
server --run-migrations skip --port 80
dotnet Shop.dll --migrate disabled
server --mode=off --migrate never
server --sql=/sql/migrate
server --path=migrations serve
server --image=migrate-users
server --migrations /sql serve
server --migrate-users
shop --migration-table=a serve
bin/cake migrations status
php yii migrate/history
superset db --help
openfga migrate --help
openfga run
kubectl wait --for=condition=complete job/migrate up
kubectl rollout status deploy/goose up
helm upgrade migrate ./chart up
cp -r /migrations /migrate up
git clone https://git.example/migrate up
cd migrate
ls migrate
test -f migrate
wait-for migrate:5432
wait-for-it migrate up
k8s-wait-for job migrate
docker pull migrate up
mysqladmin ping
pg_dump migrations
pg_dump -t migrations migrate
pg_restore migrations
squawk migrations
squawk migrate up
pytest tests/migrations
python -m pytest tests/migrate
pytest -- tests/migrations
grep -- migrate a.txt
redis-cli -h r MIGRATE h 6379
virsh migrate vm1
virtctl migrate vm1
velero migrate
dig migrate
ping migrate
ping -c 1 migrate
jq .migration f.json
jq .migrate f.json
notify migration
python report.py migrations
worker migrations
worker --queue migrations
worker db-migrations
shop serve migrations
kubectl exec deploy/db -- pg_dump migrations
timeout 60 pg_dump migrations
env
env A=1
python
python -m
java -jar
""".splitlines()

TAKES_BACK = """\
alembic downgrade -1
flask db downgrade
python manage.py migrate shop zero
python manage.py flush
php artisan migrate:fresh --seed
php artisan migrate:rollback
php yii migrate/down
php bin/console doctrine:database:drop --force
php bin/console doctrine:migrations:migrate prev
phinx rollback
bundle exec rake db:rollback
bin/rails db:migrate:down VERSION=1
mix ecto.rollback
mix ecto.drop
flyway clean
liquibase rollback-count 1
liquibase dropAll
dotnet ef database drop
dotnet ef database update 0
efbundle 0
sqlx migrate revert
diesel migration revert
sea-orm-cli migrate fresh
goose down
bin/magento setup:rollback
drush sql:drop
wp db reset --yes
./gradlew flywayClean
soda migrate down
mikro-orm migration:down
kysely migrate:down
node-pg-migrate down
graphile-migrate reset
reshape migration abort
hasura migrate apply --down 1
supabase db reset
migrate -path /sql -database $URL down 1
dbmate rollback
sql-migrate down
npx prisma db push --accept-data-loss
npx prisma migrate reset --force
knex migrate:rollback
sequelize db:migrate:undo:all
typeorm migration:revert
atlas migrate down
sqitch revert
pgroll complete
skeema push --allow-unsafe
aerich downgrade
piccolo migrations backwards shop all
yoyo rollback
kong migrations finish
dropdb shop
mysqladmin drop shop
""".splitlines()

ASKS = """\
alembic check
poetry run alembic -c prod.ini current
flask db current
python manage.py migrate --noinput --check
python manage.py showmigrations
bundle exec rails db:abort_if_pending_migrations
php artisan migrate:status
php bin/console doctrine:migrations:up-to-date
mix ecto.migrations
flyway validate
liquibase --changelog-file=a status
dotnet ef migrations list
sqlx migrate info
diesel migration pending
goose -dir sql status
dbmate status
migrate -path /sql version
npx prisma migrate status
atlas migrate status
npx knex migrate:status
sequelize db:migrate:status
typeorm migration:show
shop migrate --check
/app/bin/shop migrations status
airflow db check-migrations
""".splitlines()

ASKS_NOT = """\
alembic upgrade head
python manage.py check
flask run
prisma generate
pg_isready -U shop
curl http://127.0.0.1/ready
test -f migrations
grpc_health_probe -addr=:50051
cat status
flyway
shop status migrate
""".splitlines()
